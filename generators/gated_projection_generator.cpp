// The end of an inverted residual with squeeze-and-excitation: each channel times its gate, the activation that follows
// the gate in AF-MobileNetV3 (AFNET_SPEC §4), and the 1x1 convolution with folded BatchNorm that projects back.
//
//   out(c, g, x, y, F) = bias(c, g) + sum_i w(c, g, i) act(gate(i, s) in(i, g, x, y, s)) + residual(c, g, x, y, F)
//
// With `scatter` F is sources(0, s), else it is s. Output may be the residual. The gated input is never stored as a
// whole.
//
// On GPUs the pixels of all frames are one list (generators/listed_pixels.h), and the kernel has one more input,
// `count`: only the first so many frames s are computed.
#include <optional>

#include "generators/activation.h"
#include "generators/listed_pixels.h"
#include "schedules/gated_projection_schedule.h"
#include "schedules/gpu.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;
using afnet::generators::listed_pixels;
using afnet::generators::ListedPixels;
using afnet::generators::Pixel;
using afnet::generators::pixel_at;
using afnet::generators::pixel_places;
using afnet::schedules::GatedProjectionGpuStages;
using afnet::schedules::GatedProjectionGpuTile;

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

    void configure() {
        on_gpu = afnet::schedules::for_gpu(get_target());
        if (on_gpu) count = add_input<Buffer<int32_t, 1>>("count"); // [1]
    }

    void generate() {
        using afnet::schedules::require;
        const int g_count = groups, in_channels = ci / g_count;
        require(kernel == 1, "gated_projection: kernel must be 1");
        require(ci % g_count == 0 && co % g_count == 0, "gated_projection: ci and co must be multiples of groups");
        channels = co / g_count;
        co_block = on_gpu ? gated_projection_gpu_co_block(knobs, channels)
                          : gated_projection_co_block(knobs, channels, target);
        r = RDom(0, in_channels, "r");
        on_gpu ? generate_gpu() : generate_cpu();
        constrain(in_channels);
    }

    void schedule() {
        if (on_gpu) {
            schedule_gpu(*gpu, co_block);
            return;
        }
        Func out = output;
        Stage store = scatter ? out.update() : Stage(out);
        if (scatter) out.update().allow_race_conditions(); // the list names each frame once
        schedule_cpu(
            {gated, sum, out, store, c, i, g, x, y, frame_loop, r, output.dim(2).extent(), int(groups), channels},
            knobs, co_block, target);
    }

private:
    // Input channel `channel` of group g, gated.
    Expr gated_input(const Expr &channel, const Pixel &at) {
        return activate(activation, gate(channel + g * (ci / int(groups)), at.f) * input(channel, g, at.x, at.y, at.f));
    }

    void generate_cpu() {
        gated(i, g, x, y, f) = gated_input(i, {x, y, f});
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
    }

    void generate_gpu() {
        const GatedProjectionGpuTile tile = gated_projection_gpu_tile(knobs, channels, co_block);
        const Var q("q");
        const Expr width = output.dim(2).extent(), height = output.dim(3).extent();
        const Expr frames = scatter ? sources.dim(1).extent() : output.dim(4).extent();
        const Func place = pixel_places(width, height, frames);
        gated(i, g, q) = gated_input(i, pixel_at(place, q, width, height, frames));
        sum(c, g, q) = bias(c % co_block, c / co_block, g);
        sum(c, g, q) += weights(c % co_block, r, 0, 0, c / co_block, g) * gated(r, g, q);

        count->dim(0).set_bounds(0, 1);
        const ListedPixels list =
            listed_pixels(tile.pixels, tile.threads, width * height, frames, clamp((*count)(0), 0, frames));
        const Pixel at = pixel_at(place, list.q, width, height, frames);
        const Expr to = scatter ? clamp(sources(0, at.f), 0, output.dim(4).extent() - 1) : at.f;
        Expr value = sum(c, g, list.q);
        if (add_residual) value += residual(c, g, at.x, at.y, to);
        output(c, g, x, y, f) = undef<float>();
        output(c, g, at.x, at.y, to) = value;
        Func(output).update().allow_race_conditions(); // a list names each frame once
        gpu = GatedProjectionGpuStages{place, gated, sum, r, output,   Func(output).update(), list.r,
                                       c,     g,     q,   i, channels, ci / int(groups),      tile};
    }

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
        if (!on_gpu) return;
        afnet::schedules::align_rows(input, ci);
        afnet::schedules::align_rows(output, co);
        if (add_residual) afnet::schedules::align_rows(residual, co);
    }

    Var c{"c"}, i{"i"}, g{"g"}, x{"x"}, y{"y"}, f{"f"};
    Func gated{"gated"}, sum{"sum"};
    RDom r;
    VarOrRVar frame_loop{Var()};
    GeneratorInput<Buffer<int32_t, 1>> *count = nullptr;
    std::optional<GatedProjectionGpuStages> gpu;
    int channels = 0, co_block = 0;
    bool on_gpu = false;
};

} // namespace

HALIDE_REGISTER_GENERATOR(GatedProjection, gated_projection)
