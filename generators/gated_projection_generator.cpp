// The end of an inverted residual with squeeze-and-excitation: each channel times its gate, the activation that follows
// the gate in AF-MobileNetV3 (AFNET_SPEC §4), and the 1x1 convolution with folded BatchNorm that projects back.
//
//   out(c, g, x, y, F) = bias(c, g) + sum_i w(c, g, i) act(gate(i, s) in(i, g, x, y, s)) + residual(c, g, x, y, F)
//
// With `scatter` F is sources(0, s), else it is s. Output may be the residual. The gated input is never stored as a
// whole.
#include "generators/activation.h"
#include "schedules/gated_projection_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;

class GatedProjection : public Generator<GatedProjection> {
public:
    GeneratorParam<int> ci{"ci", 72};
    GeneratorParam<int> co{"co", 40};
    GeneratorParam<int> kernel{"kernel", 1}; // of the convolution, as specs of convolutions say it
    GeneratorParam<int> groups{"groups", 1};
    GeneratorParam<Activation> activation{"activation", Activation::Relu, afnet::generators::activation_names()};
    GeneratorParam<bool> add_residual{"add_residual", false};
    GeneratorParam<bool> scatter{"scatter", false};
    afnet::schedules::GatedProjectionKnobs knobs;

    Input<Buffer<float, 5>> input{"input"};       // [ci/g, g, x, y, s]
    Input<Buffer<float, 2>> gate{"gate"};         // [ci, s]
    Input<Buffer<float, 6>> weights{"weights"};   // as conv2d's: [co_block, ci/g, 1, 1, block, g]
    Input<Buffer<float, 3>> bias{"bias"};         // [co_block, block, g]
    Input<Buffer<float, 5>> residual{"residual"}; // [co/g, g, x, y, F]
    Input<Buffer<int32_t, 2>> sources{"sources"}; // [self next previous, s]
    Output<Buffer<float, 5>> output{"output"};    // [co/g, g, x, y, F]

    void generate() {
        using afnet::schedules::require;
        const int g_count = groups, in_channels = ci / g_count;
        require(kernel == 1, "gated_projection: kernel must be 1");
        require(ci % g_count == 0 && co % g_count == 0, "gated_projection: ci and co must be multiples of groups");
        channels = co / g_count;
        co_block = gated_projection_co_block(knobs, channels, target);
        gated(i, g, x, y, f) = activate(activation, gate(i + g * in_channels, f) * input(i, g, x, y, f));
        r = RDom(0, in_channels, "r");
        sum(c, g, x, y, f) = bias(c % co_block, c / co_block, g);
        sum(c, g, x, y, f) += weights(c % co_block, r, 0, 0, c / co_block, g) * gated(r, g, x, y, f);

        RDom listed(0, sources.dim(1).extent(), "s");
        const Expr at = scatter ? Expr(listed.x) : Expr(f);
        const Expr to = scatter ? clamp(sources(0, listed.x), 0, output.dim(4).extent() - 1) : Expr(f);
        Expr value = sum(c, g, x, y, at);
        if (add_residual) value += residual(c, g, x, y, to);
        if (scatter) {
            output(c, g, x, y, f) = undef(value.type());
            output(c, g, x, y, to) = value;
            frame_loop = RVar(listed.x);
        } else {
            output(c, g, x, y, f) = value;
            frame_loop = f;
        }
        constrain(in_channels);
    }

    void schedule() {
        Func out = output;
        Stage store = scatter ? out.update() : Stage(out);
        if (scatter) out.update().allow_race_conditions(); // the list names each frame once
        schedule_cpu(
            {gated, sum, out, store, c, i, g, x, y, frame_loop, r, output.dim(2).extent(), int(groups), channels},
            knobs, co_block, target);
    }

private:
    void constrain(int in_channels) {
        const int g_count = groups, blocks = (channels + co_block - 1) / co_block;
        input.dim(0).set_bounds(0, in_channels).dim(1).set_bounds(0, g_count).set_stride(in_channels);
        input.dim(2).set_min(0).set_stride(ci);
        input.dim(3).set_min(0);
        input.dim(4).set_min(0);
        gate.dim(0).set_bounds(0, ci);
        gate.dim(1).set_min(0).set_stride(ci);
        weights.dim(0).set_bounds(0, co_block).dim(1).set_bounds(0, in_channels).set_stride(co_block);
        weights.dim(2).set_bounds(0, 1).dim(3).set_bounds(0, 1);
        weights.dim(4).set_bounds(0, blocks).set_stride(co_block * in_channels);
        weights.dim(5).set_bounds(0, g_count).set_stride(co_block * in_channels * blocks);
        bias.dim(0).set_bounds(0, co_block).dim(1).set_bounds(0, blocks).set_stride(co_block);
        bias.dim(2).set_bounds(0, g_count).set_stride(co_block * blocks);
        sources.dim(0).set_bounds(0, 3).dim(1).set_min(0).set_stride(3);
        const auto frames = [&](auto &buffer) {
            buffer.dim(0).set_bounds(0, channels).dim(1).set_bounds(0, g_count).set_stride(channels);
            buffer.dim(2).set_min(0).set_stride(co);
            buffer.dim(3).set_min(0);
            buffer.dim(4).set_min(0);
        };
        frames(output);
        if (add_residual) frames(residual);
    }

    Var c{"c"}, i{"i"}, g{"g"}, x{"x"}, y{"y"}, f{"f"};
    Func gated{"gated"}, sum{"sum"};
    RDom r;
    VarOrRVar frame_loop{Var()};
    int channels = 0, co_block = 0;
};

} // namespace

HALIDE_REGISTER_GENERATOR(GatedProjection, gated_projection)
