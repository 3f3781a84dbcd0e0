// Lists of points whose length only the device knows: what GPU kernels along such a list store (docs/gpu.md).
#pragma once

#include <limits>

#include "generators/listed_pixels.h"

namespace afnet::generators {

/// Of the first `count` of `entries` points, as listed_pixels() has it of pixels. The end is compared by the sign of a
/// difference: Halide would solve a comparison for the loop over blocks, and read the count on the host.
inline ListedPixels listed_points(int per_thread, int threads, const Halide::Expr &entries, const Halide::Expr &count) {
    const int block = per_thread * threads;
    ListedPixels list;
    list.r = Halide::RDom(0, per_thread, 0, threads, 0, (entries + block - 1) / block, "point");
    list.q = list.r.z * block + list.r.y * per_thread + list.r.x;
    const Halide::Expr end = Halide::clamp(count, 0, entries);
    for (const Halide::Expr &first : {Halide::Expr(list.r.z * block), list.q})
        list.r.where(((first - end) & std::numeric_limits<int>::min()) != 0);
    return list;
}

} // namespace afnet::generators
