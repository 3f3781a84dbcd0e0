// 2-D convolution with folded BatchNorm, optional residual and activation, over all frames or over a work list.
//
//   out(c, g, x, y, F) = act(bias(c, g) + sum_{i,u,v} w(c, g, u, v, i) in(i, g, S x + u - P, S y + v - P, f_i)
//                            + residual(c, g, x, y, F))
//
// with stride S and padding P = (k - 1) / 2; the input's zero border is part of its buffer. Without `gather`, f_i is
// the output's frame. With it, f_i = sources(0, s) for the s-th listed frame; with `shift` besides (TSM, AFNET_SPEC
// §2.9), sources(1, s) (next frame) for the first eighth of the input channels and sources(2, s) (previous) for the
// second. With `scatter` the output and residual frame F is sources(0, s), else it is s. Output may be the residual.
//
// With `response` k > 0 (the projection at the entry of a focal stream) the residual is F(0) of a branch with a k x k
// convolution (generators/zero_response.h): frames that `mask` rejects get act(sum + F(0)) and are done; the others get
// the sum alone, and the branch, with the activation, later.
//
// Where knob `algorithm` is 2, 4 or 5 the sum is computed in tiles of so many outputs per side: generators/winograd.h.
// `weights` then hold the transformed filters, and u, v count the transform's points.
//
// With dtype bf16 the products of two input channels are added by one instruction where both come from one frame
// (paired()); `weights` then hold bf16 pairs, and in Winograd's tiles transformed inputs are rounded to bf16. Elsewhere
// stored elements are widened and all is computed as with f32.
//
// On a target with AMX the sum starts at zero, and the bias is added behind it: tile registers know no other start.
// schedules/tile_registers.h puts its loops into instructions.
//
// On GPUs the pixels of all frames are one list (generators/listed_pixels.h), and the kernel has one more input, `count`:
// only the first so many frames s, or f, are computed.
#include <optional>

#include "generators/activation.h"
#include "generators/dtype.h"
#include "generators/listed_pixels.h"
#include "generators/winograd.h"
#include "generators/zero_response.h"
#include "schedules/conv2d_schedule.h"
#include "schedules/gpu.h"
#include "schedules/tile_registers.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;
using afnet::generators::Dtype;
using afnet::generators::listed_pixels;
using afnet::generators::ListedPixels;
using afnet::generators::Pixel;
using afnet::generators::pixel_at;
using afnet::generators::pixel_places;
using afnet::generators::rounded;
using afnet::generators::widened;
using afnet::schedules::Conv2dGpuStages;
using afnet::schedules::Conv2dGpuTile;

class Conv2d : public Generator<Conv2d> {
public:
    GeneratorParam<int> ci{"ci", 64};
    GeneratorParam<int> co{"co", 64};
    GeneratorParam<int> kernel{"kernel", 3};
    GeneratorParam<int> stride{"stride", 1};
    GeneratorParam<int> groups{"groups", 1};
    GeneratorParam<Activation> activation{"activation", Activation::Relu, afnet::generators::activation_names()};
    GeneratorParam<bool> add_residual{"add_residual", false};
    GeneratorParam<bool> gather{"gather", false};
    GeneratorParam<bool> shift{"shift", false};
    GeneratorParam<bool> scatter{"scatter", false};
    GeneratorParam<int> response{"response", 0};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};
    GeneratorParam<bool> f32_input{"f32_input", false}; // the input is f32, whatever dtype says: a clip
    afnet::schedules::Conv2dKnobs knobs;

    Input<Buffer<void, 5>> input{"input"};        // [ci/g, g, x, y, f] with its zero border
    Input<Buffer<void, 6>> weights{"weights"};    // [co_block, ci/g, u, v, block, g]; u, v: kernel, or points
                                                  // bf16 pairs: [2 co_block, ci/g/2, u, v, block, g]
    Input<Buffer<float, 3>> bias{"bias"};         // [co_block, block, g]
    Input<Buffer<void, 5>> residual{"residual"};  // [co/g, g, x, y, F]; F(0): [co/g, g, m_x, m_y, 1]
    Input<Buffer<int32_t, 1>> mask{"mask"};       // [f], read with `response`
    Input<Buffer<int32_t, 2>> sources{"sources"}; // [self next previous, s]
    Output<Buffer<void, 5>> output{"output"};     // [co/g, g, x, y, F]

    void configure() {
        in_tiles = afnet::schedules::conv2d_in_tile_registers(get_target());
        on_gpu = afnet::schedules::for_gpu(get_target());
        if (on_gpu) count = add_input<Buffer<int32_t, 1>>("count"); // [1]
        std::optional<afnet::schedules::PlainLayer> plain;
        if (kernel == 3 && stride <= 2 && !gather && !scatter && !add_residual && response == 0 && !in_tiles && !on_gpu) {
            plain = {stride, ci / int(groups), dtype == Dtype::BF16 && !f32_input};
        }
        outputs = conv2d_winograd_outputs(knobs, plain);
        pair = paired() ? 2 : 1;
        input.set_type(f32_input ? Float(32) : element_type(dtype));
        weights.set_type(pair == 2 ? BFloat(16) : Float(32));
        residual.set_type(element_type(dtype));
        output.set_type(element_type(dtype));
    }

    void generate() {
        using afnet::schedules::require;
        const int g_count = groups, in_channels = ci / g_count;
        require(ci % g_count == 0 && co % g_count == 0, "conv2d: ci and co must be multiples of groups");
        require(2 * fold() <= in_channels, "conv2d: the shifted channels must lie in the first group");
        require(!shift || gather, "conv2d: shift needs gather");
        require(!shift || 8 % g_count == 0, "conv2d: with shift, groups must divide 8");
        require(response == 0 || (!add_residual && !scatter && !gather), "conv2d: F(0) goes to all frames, alone");
        channels = co / g_count;
        require(!in_tiles || (pair == 2 && afnet::schedules::conv2d_tile_terms(run()) > 0 && channels % 16 == 0),
                "conv2d: this layer does not fit tile registers; it belongs to the target that this one extends");
        co_block = on_gpu     ? conv2d_gpu_co_block(knobs, channels)
                   : in_tiles ? conv2d_amx_co_block(knobs, channels)
                              : conv2d_co_block(knobs, channels, target);
        if (on_gpu) {
            generate_gpu();
        } else if (outputs > 0) {
            generate_winograd();
        } else {
            generate_direct();
        }
        constrain(in_channels, g_count, outputs > 0 ? shape().side() : int(kernel));
    }

    Pipeline build_pipeline() override {
        Pipeline pipeline = Generator<Conv2d>::build_pipeline();
        if (in_tiles) pipeline.add_custom_lowering_pass(new afnet::schedules::SumInTileRegisters(sum.name()));
        if (prefetches) pipeline.add_custom_lowering_pass(prefetches.release());
        return pipeline;
    }

    void schedule() {
        if (on_gpu) {
            schedule_gpu(*gpu, co_block);
        } else if (outputs > 0) {
            winograd.output = output;
            schedule_cpu(winograd, knobs, co_block, target);
        } else {
            schedule_direct();
        }
    }

private:
    // Channels that TSM takes from either neighbour.
    int fold() const { return shift ? ci / 8 : 0; }

    // Which frame a channel comes from changes only from one eighth of the channels to the next: a loop over eighths
    // around the channels of one keeps that choice out of the innermost loop, and the sums in registers.
    int runs() const { return shift && ci % 8 == 0 ? 8 / int(groups) : 1; }
    int run() const { return ci / int(groups) / runs(); } // channels of one

    // Of a Winograd tile.
    afnet::generators::WinogradShape shape() const { return {outputs, stride}; }

    // Whether a bf16 instruction multiplies input channels 2 i and 2 i + 1 at once: they must lie in one group and,
    // with `shift`, come from one frame. model/packing.cpp packs the weights by the same rule.
    // Larger tiles than 2 x 2, and those of stride 2, would lose too many digits.
    bool paired() const {
        return dtype == Dtype::BF16 && !f32_input && (outputs == 0 || (outputs == 2 && stride == 1)) &&
               ci / int(groups) % 2 == 0 && (!shift || ci % 16 == 0);
    }

    // Of the direct algorithm, for input channel i of its group.
    Expr weight(const Expr &c, const Expr &g, const Expr &i, const Expr &u, const Expr &v) {
        if (pair == 1) return weights(c % co_block, i, u, v, c / co_block, g);
        return widened(weights(c % co_block * pair + i % pair, i / pair, u, v, c / co_block, g));
    }

    void generate_direct() {
        const int g_count = groups, k = kernel, s = stride, pad = (k - 1) / 2;
        Var c("c"), g("g"), x("x"), y("y"), f("f");
        const auto frame_of = [&](Expr kind, Expr at) -> Expr {
            return clamp(sources(kind, at), 0, input.dim(4).extent() - 1);
        };
        sum = Func("sum");
        const Expr offset = bias(c % co_block, c / co_block, g);
        sum(c, g, x, y, f) = in_tiles ? Expr(0.0f) : offset;
        r = RDom(0, run(), 0, runs(), 0, k, 0, k, "r");
        const Expr channel = runs() == 1 ? Expr(r.x) : r.y * run() + r.x;
        const auto listed_frame = [&](int kind) {
            return frame_of(g_count == 1 ? Expr(kind) : select(g == 0, kind, 0), f);
        };
        Expr frame = f;
        if (gather) frame = frame_of(0, f);
        if (runs() > 1) frame = select(r.y == 0, listed_frame(1), r.y == 1, listed_frame(2), frame);
        if (runs() == 1 && fold() > 0) {
            frame = select(channel < fold(), listed_frame(1), channel < 2 * fold(), listed_frame(2), frame);
        }
        sum(c, g, x, y, f) +=
            weight(c, g, channel, r.z, r.w) * widened(input(channel, g, x * s + r.z - pad, y * s + r.w - pad, frame));

        RDom listed(0, sources.dim(1).extent(), "s");
        const Expr at = scatter ? Expr(listed.x) : Expr(f);
        const Expr to = scatter ? clamp(sources(0, listed.x), 0, output.dim(4).extent() - 1) : Expr(f);
        Expr value = sum(c, g, x, y, at);
        if (in_tiles) value += offset;
        value = finished(value, c, g, {x, y, to});
        if (scatter) {
            output(c, g, x, y, f) = undef(value.type());
            output(c, g, x, y, to) = value;
            frame_loop = RVar(listed.x);
        } else {
            output(c, g, x, y, f) = value;
            frame_loop = f;
        }
    }

    Expr zero_response(const Expr &c, const Expr &g, const Expr &x, const Expr &y) {
        const auto distinct = [&](const Expr &i, int dimension) {
            return afnet::generators::distinct_position(i, output.dim(dimension).extent(),
                                                        residual.dim(dimension).extent(), response);
        };
        return widened(residual(c, g, distinct(x, 2), distinct(y, 3), 0));
    }

    void generate_gpu() {
        const int k = kernel, s = stride, pad = (k - 1) / 2;
        const Conv2dGpuTile tile = conv2d_gpu_tile(knobs, ci / int(groups), co_block);
        Var c("c"), g("g"), q("q"), i("i"), t("t"), u("u"), v("v"), x("x"), y("y"), f("f");
        const Expr width = output.dim(2).extent(), height = output.dim(3).extent();
        const Expr frames = scatter ? sources.dim(1).extent() : output.dim(4).extent();
        const Func place = pixel_places(width, height, frames);
        const Pixel from = pixel_at(place, q, width, height, frames);
        const auto listed_frame = [&](const Expr &kind) {
            return clamp(sources(kind, from.f), 0, input.dim(4).extent() - 1);
        };
        const Expr channel = t * run() + i;
        Expr frame = gather ? listed_frame(0) : from.f;
        if (fold() > 0) {
            // Whole eighths of the channels come from one frame where they are runs.
            const Expr eighth = runs() > 1 ? Expr(t) : channel / fold();
            const Expr kind = select(eighth == 0, 1, eighth == 1, 2, 0);
            frame = listed_frame(groups == 1 ? kind : select(g == 0, kind, 0));
        }
        Func read("read");
        read(i, t, u, v, g, q) = input(channel, g, from.x * s + u - pad, from.y * s + v - pad, frame);
        sum = Func("sum");
        r = RDom(0, run(), 0, runs(), 0, k, 0, k, "r");
        sum(c, g, q) = bias(c % co_block, c / co_block, g);
        sum(c, g, q) += weight(c, g, r.y * run() + r.x, r.z, r.w) * read(r.x, r.y, r.z, r.w, g, q);

        count->dim(0).set_bounds(0, 1);
        const ListedPixels list =
            listed_pixels(tile.pixels, tile.threads, width * height, frames, clamp((*count)(0), 0, frames));
        const Pixel at = pixel_at(place, list.q, width, height, frames);
        const Expr to = scatter ? clamp(sources(0, at.f), 0, output.dim(4).extent() - 1) : at.f;
        output(c, g, x, y, f) = undef<float>();
        output(c, g, at.x, at.y, to) = finished(sum(c, g, list.q), c, g, {at.x, at.y, to});
        Func(output).update().allow_race_conditions(); // a list names each frame once
        gpu = Conv2dGpuStages{place, read, sum, r, output, Func(output).update(), list.r, c, g, q, i, channels, run(), tile};
    }

    // The epilogue, for what is stored at pixel `to`.
    Expr finished(Expr value, const Expr &c, const Expr &g, const Pixel &to) {
        if (add_residual) value += widened(residual(c, g, to.x, to.y, to.f));
        if (response > 0) {
            return rounded(dtype, select(mask(to.f) != 0, value,
                                         activate(activation, value + zero_response(c, g, to.x, to.y))));
        }
        return rounded(dtype, activate(activation, value));
    }

    void generate_winograd() {
        winograd = afnet::generators::winograd_conv2d(
            shape(), input, weights, co_block, pair, output, [&](Expr sum, Expr c, Expr g) {
                return rounded(dtype, activate(activation, sum + bias(c % co_block, c / co_block, g)));
            });
        winograd.groups = groups;
        winograd.channels = channels;
        winograd.reduction_channels = ci / int(groups);
    }

    void schedule_direct() {
        Var c("c"), g("g"), x("x"), y("y");
        Func out = output;
        Stage store = scatter ? out.update() : Stage(out);
        if (scatter) out.update().allow_race_conditions(); // the list names each frame once
        const int bytes = element_type(dtype).bytes();
        const afnet::schedules::Conv2dStages stages = {
            sum, r, out, store, c, g, x, y, frame_loop, output.dim(2).extent(), int(groups), channels, int(kernel),
            int(stride), ci / int(groups), bool(add_residual), run(), pair, bytes};
        if (in_tiles) {
            schedule_amx(stages, knobs, co_block, target);
        } else {
            schedule_cpu(stages, knobs, co_block, target);
            prefetches = conv2d_prefetches(stages, knobs, co_block, target);
        }
    }

    // Everything but columns, rows and frames is fixed.
    void constrain(int in_channels, int g_count, int points) {
        const int blocks = (channels + co_block - 1) / co_block;
        input.dim(0).set_bounds(0, in_channels).dim(1).set_bounds(0, g_count).set_stride(in_channels);
        input.dim(2).set_stride(ci);
        input.dim(4).set_min(0);
        weights.dim(0).set_bounds(0, co_block * pair).dim(1).set_bounds(0, in_channels / pair);
        weights.dim(1).set_stride(co_block * pair);
        weights.dim(2).set_bounds(0, points).set_stride(co_block * in_channels);
        weights.dim(3).set_bounds(0, points).set_stride(co_block * in_channels * points);
        weights.dim(4).set_bounds(0, blocks).set_stride(co_block * in_channels * points * points);
        weights.dim(5).set_bounds(0, g_count).set_stride(co_block * in_channels * points * points * blocks);
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
        if (add_residual || response > 0) frames(residual);
        mask.dim(0).set_min(0);
        if (on_gpu) {
            afnet::schedules::align_rows(input, ci);
            afnet::schedules::align_rows(output, co);
            if (add_residual || response > 0) afnet::schedules::align_rows(residual, co);
        }
    }

    int outputs = 0; // of a Winograd tile, per side; 0: the direct algorithm
    afnet::schedules::WinogradStages winograd;
    std::unique_ptr<afnet::schedules::PrefetchTiles> prefetches;
    Func sum;
    RDom r;
    VarOrRVar frame_loop{Var()};
    int channels = 0, co_block = 0;
    bool in_tiles = false; // sums in AMX's tile registers
    bool on_gpu = false;
    GeneratorInput<Buffer<int32_t, 1>> *count = nullptr;
    std::optional<Conv2dGpuStages> gpu;
    int pair = 1;          // input channels that are multiplied at once
};

} // namespace

HALIDE_REGISTER_GENERATOR(Conv2d, conv2d)
