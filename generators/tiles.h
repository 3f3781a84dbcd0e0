// Tiles in sparse training with masks in space (docs/spatial.md): squares of pixels that a list names, all of one side,
// which divides the map and of which each patch is made. Compact tensors [c, x, y, n] hold listed tiles one behind the
// other. Whatever a list holds, kernels stay inside buffers.
//
//   sources(k, n)   the frame of tile n, its next and its previous one; F and more beyond a clip's ends
//   places(k, n)    its column and row, counted in tiles
//   slots(i, j, f)  1 + the place of a selected tile in the list, 0 for others; with a border of zeroes
#pragma once

#include "generators/layout.h"

namespace afnet::generators {

/// places(k, n)
template <class Places> void tile_places(Places &places) {
    places.dim(0).set_bounds(0, 2);
    places.dim(1).set_min(0).set_stride(2);
}

/// Column (dimension 1) or row (2) in `map` of pixel `at` of tile n, of `side` pixels.
template <class Places, class Buffer>
Halide::Expr tile_pixel(Places &places, const Halide::Expr &n, int dimension, const Halide::Expr &at,
                        const Halide::Expr &side, Buffer &map) {
    return Halide::clamp(places(dimension - 1, n) * side + at, 0, map.dim(dimension).extent() - 1);
}

} // namespace afnet::generators
