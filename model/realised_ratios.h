// What part of frames, and of their patches, masks select over many clips.
#pragma once

#include <optional>
#include <vector>

#include "model/masked_network.h"

namespace afnet {

/// Parts from 0 to 1.
struct MaskRatios {
    double frames = 1; // mean over blocks; 1 without focal blocks
    std::vector<double> block_frames;
    /// Of the patches of selected frames; nothing where masks in space are not there, or no frame is selected.
    std::optional<double> patches;                    // mean over the blocks that have one
    std::vector<std::optional<double>> block_patches; // empty: no masks in space
};

class RealisedRatios {
public:
    void add(const MaskedResult &clip);
    MaskRatios means() const;

private:
    size_t clips_ = 0;
    std::vector<double> frames_;             // by block: sum over clips of the part of frames
    std::vector<double> selected_, patches_; // by block: patches that are selected, and all, in selected frames
};

} // namespace afnet
