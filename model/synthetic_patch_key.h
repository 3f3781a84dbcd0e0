// PatchKey: one patch of a few frames of a clip shows its class, and says so by its colour. docs/data-sets.md defines
// it.
#pragma once

#include "model/synthetic_stripes.h"

namespace afnet {

constexpr int kPatchSide = 64; // columns and rows of a frame
constexpr int kPatchGrid = 4;  // squares of stripes across and down it

/// What a frame shows, before noise: squares of stripes on a flat ground, one in each cell of the grid.
struct PatchScene {
    std::vector<Stripes> squares; // [column, row]
    int key = -1;                 // the one that is warm and has the clip's orientation; -1: none
    Colour ground;
};

/// A frame of a clip with this label.
PatchScene draw_patch_scene(CounterRandom &random, bool key, int label);

Picture patch_picture(const PatchScene &scene);

/// Clip number `clip` of the data set with this seed, of which `keys` frames, 1 to `frames`, are key frames.
SyntheticClip draw_patch_key(uint64_t seed, uint32_t clip, int frames, int keys);

} // namespace afnet
