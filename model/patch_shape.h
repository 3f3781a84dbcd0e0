// Ways to choose the patches that focal blocks compute, by numbers alone: what spatial navigation is compared with, and
// what measurements run on (docs/spatial.md).
#pragma once

#include <string>
#include <vector>

#include "model/mask_policy.h"

namespace afnet {

enum class PatchShape {
    Random, // any patches, in each frame and block by itself
    Blob,   // those nearest to a patch that is drawn for each frame and block: one contiguous region
    Crop,   // a square window of them, at a place that is drawn for each frame and block, every place alike
    Border, // those nearest to the frame's edges
    Centre, // those nearest to the frame's middle
    All,
    None,
};

/// The shapes' words, in the order above.
const std::vector<std::string> &patch_shape_names();
/// Those of which a ratio says how many patches they select: not all, and not none.
std::vector<std::string> ratio_shape_names();
/// The shape of a word. Throws UsageError, which lists the words, for another one.
PatchShape patch_shape_named(const std::string &name);

/// Patches of the ratio `rs`, 0 to 1, of a grid: the nearest whole number.
int selected_patches(double rs, int grid);
/// Patches across and down a window of the ratio `rs`, 0 to 1, of a grid: those of the square number nearest to what
/// the ratio stands for, the larger one where two are.
int window_side(double rs, int grid);

/// What part of a grid a shape selects, given the ratio.
double realised_patches(PatchShape shape, int grid, double rs);

/// A mask [gx, gy, f], 1: computed, with as many in each frame as realised_patches() says. Frames, blocks and clips of
/// other keys draw independently of each other.
std::vector<int> patch_mask(PatchShape shape, int grid, int frames, double rs, const MaskKey &key, size_t block);

} // namespace afnet
