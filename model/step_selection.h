// What masks select where a step of a network is measured by itself: frames, patches of these, and the lists of pixels
// and tiles that a step is given for them.
#pragma once

#include <vector>

#include "model/isolated_step.h"
#include "model/pixel_lists.h"

namespace afnet {

/// Masks that every focal block has.
struct StepMasks {
    int frames = 0;           // selected: the first ones
    int grid = 0;             // patches across and down; 0: no masks in space
    std::vector<int> patches; // [column, row, f], of all frames
};

/// The first `frames` frames, and of masks in space, where the network has them in this run, the ratio `rs` of the
/// patches of each, drawn at random.
StepMasks step_masks(const ModelDescription &model, const RunShape &run, int frames, double rs);

/// Tiles of the pixels of the first `listed` of `frames` frames that these masks select.
PixelTiles mask_tiles(const StepMasks &masks, int frames, int listed, int width, int height, int side);

/// What the list of a step of the network selects: frames, points or tiles. None where masks in space have the block
/// computed the other way (docs/spatial.md); -1: the step has no list.
int selected_of(const LoweredNetwork &network, const Step &step, const StepMasks &masks);

/// Whether a step's time depends on which patches are selected, and not on the number of frames alone.
bool depends_on_patches(const LoweredNetwork &network, const Step &step);

/// Gives the network's step `index`, which `isolated` was made of, these masks and their lists.
void select(IsolatedStep &isolated, const LoweredNetwork &network, size_t index, const StepMasks &masks);

} // namespace afnet
