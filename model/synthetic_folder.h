// A data set on disk: videos, the list of them with their labels, the classes' names, the truth, and what it was made
// by. docs/data-sets.md and docs/formats.md say what the files hold.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "model/synthetic_data_set.h"

namespace afnet {

class SyntheticFolder {
public:
    /// Makes the folder where it is missing. Throws Error where that fails, where this build or FFmpeg writes no
    /// videos, and where something lies in the folder: it must be empty, or hold a data set of the same settings, whole
    /// or begun. With `force` anything may lie there, and clips of another data set go. From then on, until finish(),
    /// the folder has no list.
    SyntheticFolder(std::string path, const SyntheticSettings &settings, bool force);

    /// Makes the video of clip number `clip`, counted from `first`. May be called by several threads at once, once per
    /// clip. Gives back the file's bytes.
    size_t write_clip(size_t clip);

    /// Writes the truth and, last of all, the list. To be called when all clips are there.
    void finish() const;

private:
    std::string video_name(size_t clip) const;
    std::string list_text() const;
    std::string key_frames_text() const;
    std::string key_patches_text() const;
    std::string truth_text(const std::string &head, const std::function<std::string(size_t)> &of_clip) const;

    std::string path_;
    SyntheticSettings settings_;
    const SyntheticDataSet &set_;
    std::vector<int> labels_;
    std::vector<std::vector<int>> key_frames_;
    std::vector<std::vector<KeyPatch>> key_patches_;
};

/// The settings as JSON, as `dataset.json` has them.
std::string settings_text(const SyntheticSettings &settings);

} // namespace afnet
