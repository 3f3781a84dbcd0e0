// The pixels of all frames as one list, which GPU kernels of convolutions run along: tiles are full whatever the map's
// size, and one number says how far the list goes.
#pragma once

#include "Halide.h"

namespace afnet::generators {

/// Column, row and frame of a pixel.
struct Pixel {
    Halide::Expr x, y, f;
};

/// place(q): column, row and frame of pixel `q` of frames of width x height pixels, row by row; beyond the last one, of
/// the last. A Func, so that a thread divides once per pixel.
inline Halide::Func pixel_places(const Halide::Expr &width, const Halide::Expr &height, const Halide::Expr &frames) {
    Halide::Var q("q");
    Halide::Func place("place");
    const Halide::Expr inside = Halide::clamp(q, 0, frames * width * height - 1), row = inside / width,
                       frame = row / height;
    place(q) = Halide::Tuple(inside - row * width, row - frame * height, frame);
    return place;
}

/// The same with bounds that every pixel keeps.
inline Pixel pixel_at(const Halide::Func &place, const Halide::Expr &q, const Halide::Expr &width,
                      const Halide::Expr &height, const Halide::Expr &frames) {
    using Halide::Internal::promise_clamped;
    return {promise_clamped(place(q)[0], 0, width - 1), promise_clamped(place(q)[1], 0, height - 1),
            promise_clamped(place(q)[2], 0, frames - 1)};
}

/// What a kernel stores: `per_thread` neighbouring pixels, such threads of a block, and blocks.
struct ListedPixels {
    Halide::RDom r; // pixel of a thread, thread, block
    Halide::Expr q; // the pixel's place in the list
};

/// Of the pixels of the first `count` of `frames` frames. A block behind them is left as a whole, by one comparison.
inline ListedPixels listed_pixels(int per_thread, int threads, const Halide::Expr &pixels, const Halide::Expr &frames,
                                  const Halide::Expr &count) {
    const int block = per_thread * threads;
    ListedPixels list;
    list.r = Halide::RDom(0, per_thread, 0, threads, 0, (frames * pixels + block - 1) / block, "pixel");
    list.q = list.r.z * block + list.r.y * per_thread + list.r.x;
    const Halide::Expr end = count * pixels;
    list.r.where(list.r.z * block < end);
    list.r.where(list.q < end);
    return list;
}

} // namespace afnet::generators
