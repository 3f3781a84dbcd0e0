#include "model/clip_truth.h"

#include <algorithm>

#include "runtime/clip_sampler.h"
#include "runtime/error.h"
#include "runtime/text.h"

namespace afnet {

namespace {

// Of the drawn frames of a video, numbered from 0, those that a clip shows.
std::vector<int> shown_frames(int drawn, int hold, int frames) {
    const ClipPicks picks = pick_clip_frames(int64_t(drawn) * hold, frames);
    std::vector<int> shown;
    for (int t = 0; t < frames; ++t)
        shown.push_back(int(picks.frames[size_t(t)] / hold));
    return shown;
}

} // namespace

std::vector<int> clip_keys(const KeyFrames &truth, const std::string &name, int frames) {
    const auto found = truth.clips.find(name);
    if (found == truth.clips.end()) {
        throw Error("key_frames.json: no key frames of " + printable(name) + ", which the list has");
    }
    const std::vector<int> shown = shown_frames(truth.frames, truth.hold, frames);
    std::vector<int> keys;
    for (int t = 0; t < frames; ++t) {
        if (std::binary_search(found->second.begin(), found->second.end(), shown[size_t(t)])) keys.push_back(t);
    }
    return keys;
}

ClipKeyPatches clip_key_patches(const KeyPatches &truth, const std::string &name, int frames) {
    const auto found = truth.clips.find(name);
    if (found == truth.clips.end())
        throw Error("key_patches.json: no key patches of " + printable(name) + ", which the list has");
    const std::vector<int> shown = shown_frames(truth.frames, truth.hold, frames);
    ClipKeyPatches keys{truth.grid, {}};
    for (int t = 0; t < frames; ++t) {
        for (const KeyPatch &patch : found->second)
            if (patch.frame == shown[size_t(t)]) keys.patches.push_back({t, patch.column, patch.row});
    }
    return keys;
}

} // namespace afnet
