// Frames of a video file by their number, exactly those that decoding the file from start to end would give.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/media_limits.h"
#include "runtime/rgb_frame.h"

namespace afnet {

struct VideoOptions {
    MediaLimits limits;
    int64_t seek_over_bytes = int64_t(16) << 20; // unwanted bytes that are read through rather than jumped over
};

/// A picture as it was decoded, before any conversion.
struct PlanarFrame {
    int width = 0;
    int height = 0;
    std::string pixel_format;  // FFmpeg's name, such as "yuv420p" or "yuv444p10le"
    std::vector<uint8_t> data; // the planes one after another, rows without gaps: the layout of a .yuv file
};

/// A local video file. Not for use by several threads at once; separate readers are independent.
class VideoReader {
public:
    /// Opens the file and counts its frames by reading through it. Throws Error when it is missing, unreadable, not a
    /// regular file, not a video of an accepted format, without a video stream (a cover picture is none), without
    /// frames, or beyond the limits; in builds without FFmpeg always.
    explicit VideoReader(const std::string &path, const VideoOptions &options = {});
    ~VideoReader();
    VideoReader(VideoReader &&) noexcept;
    VideoReader &operator=(VideoReader &&) noexcept;

    /// How many frames there are; at least 1. What the header claims is ignored.
    int64_t frame_count() const;

    /// When frame `index` is shown, in seconds; NaN where the file does not say. Throws Error when out of range.
    double frame_seconds(int64_t index) const;

    /// Decodes the frames of these numbers, in any order and with repetitions (decoded once), into `frames`, in the
    /// order asked for; turned upright as the file says. Returns false, with `frames` empty, when damage shows only now
    /// that there are fewer frames than the packets promised: frame_count() then is what really decodes, so choose
    /// again. That happens once per reader at most. Throws Error for numbers out of range, or when nothing decodes.
    bool read(const std::vector<int64_t> &indices, std::vector<RgbFrame> &frames);

    /// The same before conversion to RGB and before turning: for tests against other decoders.
    bool read_planes(const std::vector<int64_t> &indices, std::vector<PlanarFrame> &frames);

    /// What the user should know about the file and the frames read so far: damage, colours, rotation.
    std::vector<std::string> warnings() const;

private:
    class State;
    std::unique_ptr<State> state_;
};

} // namespace afnet
