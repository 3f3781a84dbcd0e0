// F(0), the answer of a focal block's branch to a frame of zeroes: what the branch leaves on frames that the mask rejects
// (`masked` semantics, AFNET_SPEC §2.7). Behind a k x k convolution it differs only within p = (k - 1) / 2 pixels of the
// frame's edge, so it is stored as its m = min(k, side) distinct columns and rows, [c, m_x, m_y, 1].
#pragma once

#include "Halide.h"

namespace afnet::generators {

/// Which of the `distinct` columns (rows) serves column (row) i of a frame with `side` of them: i within p of the first
/// edge, distinct - (side - i) within p of the last one, p between.
inline Halide::Expr distinct_position(Halide::Expr i, Halide::Expr side, Halide::Expr distinct, int kernel) {
    const int border = (kernel - 1) / 2;
    return Halide::clamp(Halide::select(i < border, i, Halide::max(i - (side - distinct), border)), 0, distinct - 1);
}

/// How many of a frame's `side` columns (rows) the distinct one with number i serves.
inline Halide::Expr positions_served(Halide::Expr i, Halide::Expr side, Halide::Expr distinct, int kernel) {
    return Halide::select(i == (kernel - 1) / 2, side - distinct + 1, 1);
}

/// F(0) at (c, x, y) of a frame like those of `map` [c, x, y, f]. `residual`: [c, m_x, m_y, 1].
template <class Residual, class Map>
Halide::Expr zero_response_at(Residual &residual, Halide::Expr c, Halide::Expr x, Halide::Expr y, Map &map, int kernel) {
    const auto distinct = [&](Halide::Expr i, int dimension) {
        return distinct_position(i, map.dim(dimension).extent(), residual.dim(dimension).extent(), kernel);
    };
    return residual(c, distinct(x, 1), distinct(y, 2), 0);
}

}  // namespace afnet::generators
