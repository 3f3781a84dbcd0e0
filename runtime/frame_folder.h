// A folder with one picture per frame, the way action recognition data sets are unpacked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/media_limits.h"
#include "runtime/rgb_frame.h"

namespace afnet {

/// Frames are the files `<prefix><number>.jpg` (.jpeg, .png; any case), such as 00001.jpg, img_00001.jpg or
/// image_00001.jpg, in the order of their numbers: 9 comes before 10 with or without leading zeros. Frame 0 is the file
/// with the smallest number, usually 1.
class FrameFolder {
public:
    /// Lists the folder. Of several prefixes (optical flow beside colour frames, say) the first there is of "", "img_",
    /// "image_", "frame_" and "frame" is taken. Throws Error when the folder cannot be listed, holds no frames, holds
    /// two files for the same number, more than limits.max_frames, or prefixes of which none is known.
    explicit FrameFolder(const std::string &path, const MediaLimits &limits = {});

    int64_t frame_count() const { return static_cast<int64_t>(files_.size()); }

    /// The path of frame `index`'s file.
    const std::string &file(int64_t index) const { return files_.at(static_cast<size_t>(index)); }

    /// Decodes frame `index`. Throws Error naming the file when it is damaged, and when `index` is out of range.
    RgbFrame read(int64_t index);

    /// What the user should know: numbers that are missing, files left out, pictures slightly damaged.
    const std::vector<std::string> &warnings() const { return warnings_; }

private:
    std::string path_;
    MediaLimits limits_;
    std::vector<std::string> files_;
    std::vector<std::string> warnings_;
};

} // namespace afnet
