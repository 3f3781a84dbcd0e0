#include "model/realised_ratios.h"

#include <algorithm>

namespace afnet {

void RealisedRatios::add(const MaskedResult &clip) {
    ++clips_;
    frames_.resize(clip.masks.size());
    for (size_t block = 0; block < clip.masks.size(); ++block)
        frames_[block] += realised_ratio(clip.masks[block]);
    selected_.resize(clip.patches.size());
    patches_.resize(clip.patches.size());
    const size_t of_frame = size_t(clip.grid) * size_t(clip.grid);
    for (size_t block = 0; block < clip.patches.size(); ++block) {
        const std::vector<int> &frames = clip.masks[block];
        for (size_t t = 0; t < frames.size(); ++t) {
            if (frames[t] == 0) continue;
            const auto begin = clip.patches[block].begin() + long(t * of_frame);
            selected_[block] += double(std::count(begin, begin + long(of_frame), 1));
            patches_[block] += double(of_frame);
        }
    }
}

MaskRatios RealisedRatios::means() const {
    MaskRatios ratios;
    // Divided at the end, so that whole ratios stay whole.
    double frames = 0, patches = 0, known = 0;
    for (const double sum : frames_) {
        ratios.block_frames.push_back(sum / double(clips_));
        frames += ratios.block_frames.back();
    }
    if (!frames_.empty()) ratios.frames = frames / double(frames_.size());
    for (size_t block = 0; block < patches_.size(); ++block) {
        std::optional<double> &of_block = ratios.block_patches.emplace_back();
        if (patches_[block] == 0) continue;
        of_block = selected_[block] / patches_[block];
        patches += *of_block;
        ++known;
    }
    if (known > 0) ratios.patches = patches / known;
    return ratios;
}

} // namespace afnet
