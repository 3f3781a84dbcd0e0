// A 3x3 convolution by Winograd's minimal filtering, in tiles of m x m outputs: inputs are transformed, multiplied point
// by point with transformed weights, summed over input channels and transformed back (generators/winograd_transforms.h).
#pragma once

#include <functional>
#include <vector>

#include "Halide.h"
#include "generators/dtype.h"
#include "generators/winograd_transforms.h"
#include "schedules/conv2d_schedule.h"

namespace afnet::generators {

/// Tiles of a convolution, counted in one row, so that small maps and few frames fill register tiles
/// alike.
struct WinogradTiles {
    Halide::Expr count;
    Halide::Expr x, y, f; // the first output of tile p
    Halide::Var p{"p"};
    /// The input at a pixel that may hang over the frame.
    std::function<Halide::Expr(Halide::Expr c, Halide::Expr g, Halide::Expr x, Halide::Expr y, Halide::Expr f)> input;
    Halide::Expr input_channels; // of a group
    int pair = 1; // input channels whose products one bf16 instruction adds; more than 1: points are rounded to bf16
};

/// Everything up to the m x m outputs of each tile, `tile` of the stages, before bias and activation.
/// weights: transformed, [co_block, ci/g, u, v, block, g], with a pair [2 co_block, ci/g/2, u, v, block, g] in bf16.
template <class Weights>
schedules::WinogradStages
winograd_tiles(const WinogradShape &shape, const WinogradTiles &tiles, Weights &weights, int co_block) {
    using namespace Halide;
    const int m = shape.outputs, n = shape.side();
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
        d[size_t(k)] = tiles.input(c, g, s.origin(0, p) * shape.stride + (k - 1),
                                   s.origin(1, p) * shape.stride + (s.line - 1), s.origin(2, p));
    }
    s.columns(c, g, u, s.line, p) = mux(u, winograd_input_rows(shape, d));
    s.points = Func("points");
    for (int k = 0; k < n; k++)
        d[size_t(k)] = s.columns(c, g, u, k, p);
    const Expr point = mux(v, winograd_input_rows(shape, d));
    s.pair = tiles.pair;
    s.points(c, g, p, u, v) = s.pair > 1 ? rounded(Dtype::BF16, point) : point;

    s.r = RDom(0, tiles.input_channels, "r");
    s.sum = Func("sum");
    s.sum(c, g, p, u, v) = 0.0f;
    const Expr filter = weights(c % co_block * s.pair + s.r % s.pair, s.r / s.pair, u, v, c / co_block, g);
    s.sum(c, g, p, u, v) += widened(filter) * widened(s.points(s.r, g, p, u, v));
    s.products = Func("products");
    s.products(c, g, p, u, v) = s.sum(c, g, p, u, v);

    s.rows = Func("rows");
    for (int k = 0; k < n; k++)
        d[size_t(k)] = s.products(c, g, p, k, v);
    s.rows(c, g, x, v, p) = mux(x, winograd_output_rows(shape, d));
    s.tile = Func("tile");
    for (int k = 0; k < n; k++)
        d[size_t(k)] = s.rows(c, g, x, k, p);
    s.tile(c, g, x, y, p) = mux(y, winograd_output_rows(shape, d));
    s.store = RDom(0, m, 0, m, 0, s.tiles, "tile");
    s.outputs = m;
    s.side = n;
    return s;
}

/// A plain 3x3 convolution in tiles that cover all frames.
///
/// input: [ci/g, g, x, y, f] with a zero border of one; weights and pair: as winograd_tiles has them;
/// epilogue(sum, c, g): what is stored. A tile that hangs over reads the border for everything beyond it and stores
/// what lies inside.
template <class Input, class Weights, class Output>
schedules::WinogradStages
winograd_conv2d(const WinogradShape &shape, Input &input, Weights &weights, int co_block, int pair, Output &output,
                const std::function<Halide::Expr(Halide::Expr sum, Halide::Expr c, Halide::Expr g)> &epilogue) {
    using namespace Halide;
    const int m = shape.outputs, stride = shape.stride;
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
        // What only outputs beyond the frame read may be any pixel.
        const auto pixel = [&](const Expr &at, const Expr &extent) { return clamp(at, -1, stride * (extent - 1) + 1); };
        return widened(input(c, g, pixel(x, width), pixel(y, height), frame(f)));
    };
    tiles.input_channels = input.dim(0).extent();
    tiles.pair = pair;
    schedules::WinogradStages s = winograd_tiles(shape, tiles, weights, co_block);

    const Var f("f");
    const Expr to_x = s.origin(0, s.store.z) + s.store.x, to_y = s.origin(1, s.store.z) + s.store.y;
    s.store.where(to_x < width && to_y < height);
    const Expr value = epilogue(s.tile(s.c, s.g, s.store.x, s.store.y, s.store.z), s.c, s.g);
    output(s.c, s.g, s.x, s.y, f) = undef(value.type());
    output(s.c, s.g, clamp(to_x, 0, width - 1), clamp(to_y, 0, height - 1), frame(s.origin(2, s.store.z))) = value;
    return s;
}

} // namespace afnet::generators
