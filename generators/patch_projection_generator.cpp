// The projection at the entry of a focal stream whose first block has masks in space: a 1x1 convolution with folded
// BatchNorm, and at once what the block leaves on pixels that it does not compute (docs/spatial.md).
//
//   s(c, x, y, f)   = bias(c) + sum_i w(c, i) in(i, x, y, f)
//   out(c, x, y, f) = act(s + F(0))          where `mask` rejects the frame (generators/zero_response.h)
//                     act(s + rejected(c))   where the block lists patches and has not listed the pixel's
//                     s                      elsewhere: the branch, with the activation, comes later
#include "generators/activation.h"
#include "generators/layout.h"
#include "generators/patch_grid.h"
#include "generators/zero_response.h"
#include "schedules/conv2d_schedule.h"
#include "schedules/owed_responses_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;

class PatchProjection : public Generator<PatchProjection> {
public:
    GeneratorParam<int> ci{"ci", 64};
    GeneratorParam<int> co{"co", 64};
    GeneratorParam<int> kernel{"kernel", 1}; // of the convolution, as specs of convolutions say it
    GeneratorParam<Activation> activation{"activation", Activation::Relu, afnet::generators::activation_names()};
    GeneratorParam<int> response{"response", 3}; // the kernel of the block's spatial convolution
    afnet::schedules::Conv2dKnobs knobs;

    Input<Buffer<float, 5>> input{"input"};        // [ci, 1, x, y, f]
    Input<Buffer<float, 6>> weights{"weights"};    // as conv2d's: [co_block, ci, 1, 1, block, 1]
    Input<Buffer<float, 3>> bias{"bias"};          // [co_block, block, 1]
    Input<Buffer<float, 5>> residual{"residual"};  // F(0): [co, 1, m_x, m_y, 1]
    Input<Buffer<float, 1>> rejected{"rejected"};  // [co]
    Input<Buffer<int32_t, 1>> mask{"mask"};        // [f]
    Input<Buffer<int32_t, 3>> patches{"patches"};  // [gx, gy, f], not 0: the block computes the patch
    Input<Buffer<int32_t, 1>> whole{"whole"};      // [1], above 0: it computes selected frames with all their pixels
    Output<Buffer<float, 5>> output{"output"};     // [co, 1, x, y, f]

    void generate() {
        using afnet::schedules::require;
        require(kernel == 1, "patch_projection: kernel must be 1");
        require(conv2d_winograd_outputs(knobs, std::nullopt) == 0, "patch_projection: the algorithm must be direct");
        co_block = conv2d_co_block(knobs, co, target);
        r = RDom(0, int(ci), 0, 1, 0, 1, 0, 1, "r");
        sum(c, g, x, y, f) = bias(c % co_block, c / co_block, g);
        sum(c, g, x, y, f) += weights(c % co_block, r.x, 0, 0, c / co_block, g) * input(r.x, g, x, y, f);

        using afnet::generators::patch_of;
        column(x) = patch_of(x, output.dim(2).extent(), patches.dim(0).extent());
        row(y) = patch_of(y, output.dim(3).extent(), patches.dim(1).extent());
        computed(x, y, f) = cast<uint8_t>(mask(f) != 0 && (whole(0) > 0 || patches(column(x), row(y), f) != 0));

        const auto distinct = [&](const Expr &i, int dimension) {
            return afnet::generators::distinct_position(i, output.dim(dimension).extent(),
                                                        residual.dim(dimension).extent(), response);
        };
        const Expr value = sum(c, g, x, y, f);
        const Expr left = select(mask(f) != 0, rejected(c), residual(c, g, distinct(x, 2), distinct(y, 3), 0));
        output(c, g, x, y, f) = select(computed(x, y, f) != 0, value, activate(activation, value + left));
        constrain();
    }

    Pipeline build_pipeline() override {
        Pipeline pipeline = Generator<PatchProjection>::build_pipeline();
        if (prefetches) pipeline.add_custom_lowering_pass(prefetches.release());
        return pipeline;
    }

    void schedule() {
        Func out = output;
        const afnet::schedules::Conv2dStages stages = {
            sum, r, out, Stage(out), c, g, x, y, f, output.dim(2).extent(), 1, int(co), 1, 1, int(ci), false, int(ci), 1,
            4};
        schedule_cpu(stages, knobs, co_block, target);
        afnet::schedules::schedule_patch_tables({column, row, computed});
        prefetches = conv2d_prefetches(stages, knobs, co_block, target);
    }

private:
    void constrain() {
        const int blocks = (co + co_block - 1) / co_block;
        const auto frames = [](auto &buffer, int channels) {
            buffer.dim(0).set_bounds(0, channels).dim(1).set_bounds(0, 1).set_stride(channels);
            buffer.dim(2).set_min(0).set_stride(channels);
            buffer.dim(3).set_min(0);
            buffer.dim(4).set_min(0);
        };
        frames(input, ci);
        frames(residual, co);
        frames(output, co);
        weights.dim(0).set_bounds(0, co_block).dim(1).set_bounds(0, int(ci)).set_stride(co_block);
        weights.dim(2).set_bounds(0, 1).dim(3).set_bounds(0, 1);
        weights.dim(4).set_bounds(0, blocks).set_stride(co_block * ci);
        weights.dim(5).set_bounds(0, 1).set_stride(co_block * ci * blocks);
        bias.dim(0).set_bounds(0, co_block).dim(1).set_bounds(0, blocks).set_stride(co_block);
        bias.dim(2).set_bounds(0, 1).set_stride(co_block * blocks);
        rejected.dim(0).set_bounds(0, int(co));
        mask.dim(0).set_min(0);
        afnet::generators::frames_from_zero(patches);
        whole.dim(0).set_bounds(0, 1);
    }

    Var c{"c"}, g{"g"}, x{"x"}, y{"y"}, f{"f"};
    Func sum{"sum"}, column{"column"}, row{"row"}, computed{"computed"};
    RDom r;
    int co_block = 0;
    std::unique_ptr<afnet::schedules::PrefetchTiles> prefetches;
};

} // namespace

HALIDE_REGISTER_GENERATOR(PatchProjection, patch_projection)
