// How kernels read lists of tiles (generators/tile_list_generator.cpp). Whatever a list holds, they stay inside
// buffers.
#pragma once

#include "generators/layout.h"

namespace afnet::generators {

/// tiles(k, n): the frame that tile n lies in (0), its next (1) and previous (2) frame, the tile's first column (3) and
/// row (4).
template <class Tiles> void tile_list(Tiles &tiles) {
    tiles.dim(0).set_bounds(0, 5);
    tiles.dim(1).set_min(0).set_stride(5);
}

/// slots(x, y, f): 1 + the number of a listed pixel, 0 for others and for the border of one around each frame.
template <class Slots> void bordered_slots(Slots &slots) {
    slots.dim(0).set_min(-1);
    slots.dim(1).set_min(-1);
    slots.dim(2).set_min(0);
}

struct Place {
    Halide::Expr x, y, f;
};

/// Where listed tile n begins, kept inside a buffer [..., x, y, f].
template <class Tiles, class Buffer> Place listed_place(Tiles &tiles, const Halide::Expr &n, Buffer &frames) {
    const auto inside = [&](int entry, int from_last) {
        auto dim = frames.dim(frames.dimensions() - from_last);
        return Halide::clamp(tiles(entry, n), dim.min(), dim.max());
    };
    return {inside(3, 3), inside(4, 2), inside(0, 1)};
}

/// The frame of a compact tensor that holds pixel (x, y) of frame f; its last, a pixel of zeroes, for one that is not
/// listed or lies outside the frame.
template <class Slots, class Buffer>
Halide::Expr listed_pixel(Slots &slots, const Halide::Expr &x, const Halide::Expr &y, const Halide::Expr &f,
                          Buffer &compact) {
    const Halide::Expr last = compact.dim(compact.dimensions() - 1).extent() - 1;
    const auto inside = [&](const Halide::Expr &i, int dimension) {
        return Halide::clamp(i, slots.dim(dimension).min(), slots.dim(dimension).max());
    };
    const Halide::Expr slot = slots(inside(x, 0), inside(y, 1), inside(f, 2));
    return Halide::clamp(Halide::select(slot > 0, slot - 1, last), 0, last);
}

} // namespace afnet::generators
