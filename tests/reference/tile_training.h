// Sparse training with masks in space (docs/spatial.md) by definition, in double: lists of tiles, and a focal branch
// that computes selected pixels alone, with its gradients.
#pragma once

#include <array>
#include <vector>

#include "tests/reference/batch_norm.h"
#include "tests/reference/convolution.h"
#include "tests/reference/spatial.h"

namespace afnet::reference {

/// Squares of `side` pixels of a map, by column, row (in tiles) and frame: the selected ones first, each part in the
/// order of frames, rows and columns. With side 1 tiles are pixels.
struct TileList {
    int side, width, height, frames; // of the map, in pixels
    int selected = 0;
    std::vector<std::array<int, 3>> tiles;
};

/// Tiles whose pixels the mask selects, in frames where `chosen` is not 0 (nullptr: in all). Every tile's pixels must
/// be selected or none of them.
TileList tile_list(const SpatialMask &mask, const std::vector<double> *chosen, int width, int height, int side);

/// The selected tiles of a map, one behind the other: [c, side, side, n].
Tensor4 compact_tiles(const Tensor4 &map, const TileList &list);
/// A map that holds `compact` at the selected tiles, and zeros.
Tensor4 spread_tiles(const Tensor4 &compact, const TileList &list);
/// The selected tiles of spread_tiles() with a pixel around them, zero beyond the frame: [c, side + 2, side + 2, n].
Tensor4 surrounded_tiles(const Tensor4 &compact, const TileList &list);

/// A convolution of a focal block and its BatchNorm.
struct NormalizedConvolution {
    Convolution shape;
    Tensor4 weights; // [co, ci / g, u, v]
    std::vector<double> gamma, beta;
    std::string activation; // linear or relu
};

/// What a branch left at one of its layers: maps, zero where no pixel is selected.
struct BranchLayer {
    Tensor4 input, sum, output;
    Moments moments; // of `sum`, over selected pixels
};

/// The layers of a branch, of which each reads what the one before left at the selected pixels and zeros elsewhere.
/// `pixels` has side 1.
std::vector<BranchLayer> sparse_branch(const Tensor4 &input, const std::vector<NormalizedConvolution> &layers,
                                       const TileList &pixels);

struct BranchGradients {
    std::vector<Tensor4> weights; // by layer
    std::vector<std::vector<double>> gamma, beta;
    Tensor4 input; // zero where no pixel is selected
};
/// Given that of the branch's output, of which selected pixels count alone.
BranchGradients sparse_branch_gradients(const std::vector<BranchLayer> &states,
                                        const std::vector<NormalizedConvolution> &layers, const TileList &pixels,
                                        const Tensor4 &d_output);

} // namespace afnet::reference
