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

}  // namespace afnet::generators
