// Work lists whose length only the device knows: kernels for GPUs read it there (docs/gpu.md).
#pragma once

#include <limits>

#include "Halide.h"

namespace afnet::generators {

/// Whether frame s of a list lies before its end, `count` [1]. By the sign of a difference: a comparison would bound
/// the loop over frames, and the host would read the count to do so.
template <class Count> Halide::Expr is_listed(const Halide::Expr &s, Count &count) {
    return ((s - count(0)) & std::numeric_limits<int>::min()) != 0;
}

/// `value` for the frames of the list; nothing is stored, and what it takes is not computed, for those behind its end.
template <class Count> Halide::Expr where_listed(const Halide::Expr &s, Count &count, const Halide::Expr &value) {
    count.dim(0).set_bounds(0, 1);
    return Halide::select(is_listed(s, count), value, Halide::undef(value.type()));
}

} // namespace afnet::generators
