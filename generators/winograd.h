// Winograd's minimal filtering F(m x m, 3x3): the one-dimensional transforms as rows of expressions, which the
// generators unroll, so that no matrix is left at run time.
//
// Y = A^T [(G w G^T) . (B^T d B)] A for an m x m tile of outputs, from a tile d of (m + 2) x (m + 2) inputs (Lavin and
// Gray, 2016, eq. 8). The points are 0, +-1, infinity for m = 2 and 0, +-sqrt(1/2), +-sqrt(2), infinity for m = 4: the
// latter err three to five times less than the customary 0, +-1, +-2 (docs/performance.md). model/winograd_weights.cpp
// transforms the weights for the same points.
#pragma once

#include <cmath>
#include <functional>
#include <vector>

#include "Halide.h"
#include "generators/dtype.h"
#include "schedules/conv2d_schedule.h"

namespace afnet::generators {

/// B^T d: the m + 2 rows of the transformed input from as many inputs. Each row is the polynomial of all other points;
/// +p and -p share their even and odd halves.
inline std::vector<Halide::Expr> winograd_input_rows(int m, const std::vector<Halide::Expr> &d) {
    if (m == 2) return {d[2] - d[0], d[2] + d[1], d[2] - d[1], d[3] - d[1]};
    const double a = std::sqrt(0.5), b = std::sqrt(2.0);
    const float a2 = float(a * a), b2 = float(b * b), sum = float(a * a + b * b), product = float(a * a * b * b);
    const Halide::Expr even_a = d[4] - b2 * d[2], odd_a = float(a) * (d[3] - b2 * d[1]);
    const Halide::Expr even_b = d[4] - a2 * d[2], odd_b = float(b) * (d[3] - a2 * d[1]);
    return {d[4] - sum * d[2] + product * d[0], even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b,
            d[5] - sum * d[3] + product * d[1]};
}

/// A^T y: m outputs from m + 2 products; each row holds the points' powers.
inline std::vector<Halide::Expr> winograd_output_rows(int m, const std::vector<Halide::Expr> &y) {
    if (m == 2) return {y[0] + y[1] + y[2], y[1] - y[2] + y[3]};
    const double a = std::sqrt(0.5), b = std::sqrt(2.0);
    const Halide::Expr sum_a = y[1] + y[2], difference_a = y[1] - y[2];
    const Halide::Expr sum_b = y[3] + y[4], difference_b = y[3] - y[4];
    return {y[0] + sum_a + sum_b, float(a) * difference_a + float(b) * difference_b,
            float(a * a) * sum_a + float(b * b) * sum_b,
            float(a * a * a) * difference_a + float(b * b * b) * difference_b + y[5]};
}

/// Tiles of a 3x3 convolution of stride 1, counted in one row, so that small maps and few frames fill register tiles
/// alike.
struct WinogradTiles {
    Halide::Expr count;
    Halide::Expr x, y, f; // the first output of tile p
    Halide::Var p{"p"};
    /// The input at a pixel that may hang over the frame.
    std::function<Halide::Expr(Halide::Expr c, Halide::Expr g, Halide::Expr x, Halide::Expr y, Halide::Expr f)> input;
    Halide::Expr input_channels; // of a group
};

/// Everything up to the m x m outputs of each tile, `tile` of the stages, before bias and activation.
/// weights: transformed, [co_block, ci/g, u, v, block, g].
template <class Weights>
schedules::WinogradStages winograd_tiles(int m, const WinogradTiles &tiles, Weights &weights, int co_block) {
    using namespace Halide;
    const int n = m + 2;
    schedules::WinogradStages s;
    s.c = Var("c"), s.g = Var("g"), s.p = tiles.p, s.x = Var("x"), s.y = Var("y"), s.u = Var("u"), s.v = Var("v"),
    s.line = Var("line");
    const Var c = s.c, g = s.g, p = s.p, x = s.x, y = s.y, u = s.u, v = s.v, side("side");
    s.tiles = tiles.count;

    s.origin = Func("origin");
    s.origin(side, p) = mux(side, {tiles.x, tiles.y, tiles.f});

    std::vector<Expr> d(static_cast<size_t>(n));
    s.columns = Func("columns");
    for (int k = 0; k < n; k++) {
        d[size_t(k)] = tiles.input(c, g, s.origin(0, p) + (k - 1), s.origin(1, p) + (s.line - 1), s.origin(2, p));
    }
    s.columns(c, g, u, s.line, p) = mux(u, winograd_input_rows(m, d));
    s.points = Func("points");
    for (int k = 0; k < n; k++)
        d[size_t(k)] = s.columns(c, g, u, k, p);
    s.points(c, g, p, u, v) = mux(v, winograd_input_rows(m, d));

    s.r = RDom(0, tiles.input_channels, "r");
    s.sum = Func("sum");
    s.sum(c, g, p, u, v) = 0.0f;
    s.sum(c, g, p, u, v) += weights(c % co_block, s.r, u, v, c / co_block, g) * s.points(s.r, g, p, u, v);
    s.products = Func("products");
    s.products(c, g, p, u, v) = s.sum(c, g, p, u, v);

    s.rows = Func("rows");
    for (int k = 0; k < n; k++)
        d[size_t(k)] = s.products(c, g, p, k, v);
    s.rows(c, g, x, v, p) = mux(x, winograd_output_rows(m, d));
    s.tile = Func("tile");
    for (int k = 0; k < n; k++)
        d[size_t(k)] = s.rows(c, g, x, k, p);
    s.tile(c, g, x, y, p) = mux(y, winograd_output_rows(m, d));
    s.store = RDom(0, m, 0, m, 0, s.tiles, "tile");
    s.outputs = m;
    return s;
}

/// A plain 3x3 convolution of stride 1 in tiles of m x m outputs that cover all frames.
///
/// input: [ci/g, g, x, y, f] with a zero border of one; weights: transformed, [co_block, ci/g, u, v, block, g];
/// epilogue(sum, c, g): what is stored. A tile that hangs over reads the border for everything beyond it and stores
/// what lies inside.
template <class Input, class Weights, class Output>
schedules::WinogradStages
winograd_conv2d(int m, Input &input, Weights &weights, int co_block, Output &output,
                const std::function<Halide::Expr(Halide::Expr sum, Halide::Expr c, Halide::Expr g)> &epilogue) {
    using namespace Halide;
    const Expr width = output.dim(2).extent(), height = output.dim(3).extent(), frames = output.dim(4).extent();
    const Expr across = (width + m - 1) / m, per_frame = across * ((height + m - 1) / m);
    const auto frame = [=](const Expr &f) { return clamp(f, 0, frames - 1); };
    WinogradTiles tiles;
    tiles.count = per_frame * frames;
    const Expr tile = min(tiles.p, tiles.count - 1);
    tiles.x = tile % across * m;
    tiles.y = tile % per_frame / across * m;
    tiles.f = tile / per_frame;
    tiles.input = [&](const Expr &c, const Expr &g, const Expr &x, const Expr &y, const Expr &f) {
        return widened(input(c, g, clamp(x, -1, width), clamp(y, -1, height), frame(f)));
    };
    tiles.input_channels = input.dim(0).extent();
    schedules::WinogradStages s = winograd_tiles(m, tiles, weights, co_block);

    const Var f("f");
    const Expr to_x = s.origin(0, s.store.z) + s.store.x, to_y = s.origin(1, s.store.z) + s.store.y;
    s.store.where(to_x < width && to_y < height);
    const Expr value = epilogue(s.tile(s.c, s.g, s.store.x, s.store.y, s.store.z), s.c, s.g);
    output(s.c, s.g, s.x, s.y, f) = undef(value.type());
    output(s.c, s.g, clamp(to_x, 0, width - 1), clamp(to_y, 0, height - 1), frame(s.origin(2, s.store.z))) = value;
    return s;
}

} // namespace afnet::generators
