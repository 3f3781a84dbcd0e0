// 3x3 convolution with folded BatchNorm at listed pixels, by Winograd's F(m x m, 3x3) in listed tiles (AFNET_SPEC §11):
// a tile n of the list begins at pixel (x_n, y_n) of frame F_n.
//
//   out(c, g, slot(x, y)) = act(bias(c, g) + sum_{i,u,v} w(c, g, u, v, i) in(i, g, slot(x + u - 1, y + v - 1)))
//
// for each pixel (x, y) of each listed tile with slots(x, y, F_n) > 0, where slot(x, y) = slots(x, y, F_n) - 1 is the
// pixel's place in the list of points, which input and output follow: compact tensors, a pixel a frame. Pixels that are
// not listed (slot 0), the border of `slots` among them, read as the zero pixel behind the input's last.
// `side` is m: the tiles are those that generators/tile_list_generator.cpp makes for it.
#include "generators/activation.h"
#include "generators/points.h"
#include "generators/winograd.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;

class Conv2dTiles : public Generator<Conv2dTiles> {
public:
    GeneratorParam<int> ci{"ci", 64};
    GeneratorParam<int> co{"co", 64};
    GeneratorParam<int> kernel{"kernel", 3}; // as specs of convolutions say it
    GeneratorParam<int> groups{"groups", 1};
    GeneratorParam<int> side{"side", 4};
    GeneratorParam<Activation> activation{"activation", Activation::Relu, afnet::generators::activation_names()};
    afnet::schedules::Conv2dKnobs knobs;

    Input<Buffer<float, 5>> input{"input"};     // [ci/g, g, 1, 1, p] with its zero pixel
    Input<Buffer<float, 6>> weights{"weights"}; // transformed: [co_block, ci/g, u, v, block, g]
    Input<Buffer<float, 3>> bias{"bias"};       // [co_block, block, g]
    Input<Buffer<int32_t, 2>> list{"list"};     // [self next previous x y, n]
    Input<Buffer<int32_t, 3>> slots{"slots"};   // [x, y, f] with a border of zeros
    Output<Buffer<float, 5>> output{"output"};  // [co/g, g, 1, 1, p]

    void generate() {
        using afnet::schedules::require;
        const int g_count = groups, in_channels = ci / g_count, m = side;
        require(kernel == 3, "conv2d_tiles: kernel must be 3");
        require(ci % g_count == 0 && co % g_count == 0, "conv2d_tiles: ci and co must be multiples of groups");
        require(m == 2 || m == 4, "conv2d_tiles: side must be 2 or 4");
        // The manifest says it, as conv2d's does: weights are packed by it.
        require(knobs.algorithm.resolve(m) == m, "conv2d_tiles: knob algorithm must be the side of the tiles");
        const int channels = co / g_count;
        co_block = conv2d_co_block(knobs, channels, target);

        const Expr right = slots.dim(0).max(), lower = slots.dim(1).max();
        afnet::generators::WinogradTiles at;
        at.count = list.dim(1).extent();
        const afnet::generators::Place first =
            afnet::generators::listed_place(list, clamp(at.p, 0, at.count - 1), slots);
        at.x = first.x, at.y = first.y, at.f = first.f;
        at.input = [&](const Expr &c, const Expr &g, const Expr &x, const Expr &y, const Expr &f) -> Expr {
            return input(c, g, 0, 0, afnet::generators::listed_pixel(slots, x, y, f, input));
        };
        at.input_channels = in_channels;
        winograd = afnet::generators::winograd_tiles({m, 1}, at, weights, co_block);
        winograd.groups = groups;
        winograd.channels = channels;
        winograd.reduction_channels = in_channels;

        const RDom &store = winograd.store;
        const auto pixel = [&](int axis, const Expr &offset, const Expr &last) {
            return clamp(winograd.origin(axis, store.z) + offset, 0, last);
        };
        const Expr slot = slots(pixel(0, store.x, right), pixel(1, store.y, lower),
                                clamp(winograd.origin(2, store.z), 0, slots.dim(2).extent() - 1));
        winograd.store.where(slot > 0);
        const Var c = winograd.c, g = winograd.g;
        const Expr sum = winograd.tile(c, g, store.x, store.y, store.z) + bias(c % co_block, c / co_block, g);
        output(c, g, winograd.x, winograd.y, f) = undef<float>();
        output(c, g, 0, 0, clamp(slot - 1, 0, output.dim(4).extent() - 1)) = activate(activation, sum);
        constrain(in_channels, channels);
    }

    void schedule() {
        winograd.output = output;
        schedule_cpu(winograd, knobs, co_block, target);
    }

private:
    void constrain(int in_channels, int channels) {
        const int g_count = groups, blocks = (channels + co_block - 1) / co_block, points = side + 2;
        const auto compact = [&](auto &buffer, int per_group) {
            buffer.dim(0).set_bounds(0, per_group).dim(1).set_bounds(0, g_count).set_stride(per_group);
            buffer.dim(2).set_bounds(0, 1).dim(3).set_bounds(0, 1);
            buffer.dim(4).set_min(0);
        };
        compact(input, in_channels);
        compact(output, channels);
        weights.dim(0).set_bounds(0, co_block).dim(1).set_bounds(0, in_channels).set_stride(co_block);
        weights.dim(2).set_bounds(0, points).set_stride(co_block * in_channels);
        weights.dim(3).set_bounds(0, points).set_stride(co_block * in_channels * points);
        weights.dim(4).set_bounds(0, blocks).set_stride(co_block * in_channels * points * points);
        weights.dim(5).set_bounds(0, g_count).set_stride(co_block * in_channels * points * points * blocks);
        bias.dim(0).set_bounds(0, co_block).dim(1).set_bounds(0, blocks).set_stride(co_block);
        bias.dim(2).set_bounds(0, g_count).set_stride(co_block * blocks);
        afnet::generators::tile_list(list);
        afnet::generators::bordered_slots(slots);
    }

    Var f{"f"};
    afnet::schedules::WinogradStages winograd;
    int co_block = 0;
};

} // namespace

HALIDE_REGISTER_GENERATOR(Conv2dTiles, conv2d_tiles)
