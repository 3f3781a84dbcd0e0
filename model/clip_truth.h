// What is known of clips in truth: which of their frames, and where in these, show the class.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/clip_list.h"

namespace afnet {

/// What is known of a list's clips; nothing: it is not.
struct ClipTruth {
    std::optional<KeyFrames> frames;
    std::optional<KeyPatches> patches;
};

/// The true key patches of a clip; frames are positions in it.
struct ClipKeyPatches {
    int grid = 1; // that they lie on
    std::vector<KeyPatch> patches;
};

/// Positions in a clip of `frames` frames that show key frames of the video `name`, ascending. Throws Error where the
/// truth does not know the video.
std::vector<int> clip_keys(const KeyFrames &truth, const std::string &name, int frames);

/// The same of key patches, in the order of positions.
ClipKeyPatches clip_key_patches(const KeyPatches &truth, const std::string &name, int frames);

} // namespace afnet
