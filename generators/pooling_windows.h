// The windows of a 3x3 pooling of stride 2 and padding 1 that a pixel lies in: one or two per axis.
#pragma once

#include "Halide.h"

namespace afnet::generators {

/// Window (i, j) holds the pixel in its column u and row v.
struct Window {
    Halide::Expr i, j, u, v;
};

/// Adds what `of(window)` is, over the windows that pixel (x, y) lies in and that `pooled`, [c, i, j, f], has.
template <class Buffer, class Of>
Halide::Expr sum_over_windows(const Halide::Expr &x, const Halide::Expr &y, Buffer &pooled, const Of &of) {
    using Halide::Expr;
    Expr total;
    for (int second_row = 0; second_row < 2; second_row++) {
        for (int second_column = 0; second_column < 2; second_column++) {
            // Pixel x is the middle of window x / 2 or, where x is odd, an edge of that one and of the next.
            const Expr i = x / 2 + second_column, j = y / 2 + second_row;
            Expr inside = i < pooled.dim(1).extent() && j < pooled.dim(2).extent();
            if (second_column) inside = inside && x % 2 == 1;
            if (second_row) inside = inside && y % 2 == 1;
            const Window window{Halide::min(i, pooled.dim(1).extent() - 1), Halide::min(j, pooled.dim(2).extent() - 1),
                                x - 2 * i + 1, y - 2 * j + 1};
            const Expr part = of(window);
            const Expr counted = Halide::select(inside, part, Halide::Internal::make_const(part.type(), 0));
            total = total.defined() ? total + counted : counted;
        }
    }
    return total;
}

} // namespace afnet::generators
