// Depthwise convolution with folded BatchNorm and activation: one filter per channel.
//
//   output(c, x, y, f) = act(bias(c) + sum_{u,v} weights(c, u, v) in(c, S x + u - P, S y + v - P, f_c))
//
// f_c is f, or with `shift` (TSM at the entry of a block that has no expansion) sources(1, f) for the first eighth of
// the channels, sources(2, f) for the second and sources(0, f) for the rest. Channels of three frames are then brought
// together before the sum, whose taps would each choose frames again; a GPU's threads choose them as they read.
#include "generators/activation.h"
#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/depthwise_schedule.h"
#include "schedules/gpu.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;
using afnet::generators::Dtype;
using afnet::generators::rounded;
using afnet::generators::widened;

class Depthwise : public Generator<Depthwise> {
public:
    GeneratorParam<int> channels{"channels", 16};
    GeneratorParam<int> kernel{"kernel", 3};
    GeneratorParam<int> stride{"stride", 1};
    GeneratorParam<Activation> activation{"activation", Activation::Relu, afnet::generators::activation_names()};
    GeneratorParam<bool> shift{"shift", false};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};
    afnet::schedules::DepthwiseKnobs knobs;

    Input<Buffer<void, 4>> input{"input"};         // [c, x, y, f] with its zero border
    Input<Buffer<float, 3>> weights{"weights"};    // [c, u, v]
    Input<Buffer<float, 1>> bias{"bias"};          // [c]
    Input<Buffer<int32_t, 2>> sources{"sources"};  // [self next previous, f]
    Output<Buffer<void, 4>> output{"output"};      // [c, x, y, f]

    void configure() {
        input.set_type(element_type(dtype));
        output.set_type(element_type(dtype));
    }

    void generate() {
        const int c_count = channels, k = kernel, s = stride, pad = (k - 1) / 2, fold = c_count / 8;
        on_gpu = afnet::schedules::for_gpu(get_target());
        r = RDom(0, k, 0, k, "r");
        // A GPU's tiles are of one size: what they make of pixels and channels that are not there, nobody stores.
        const auto stored = [&](const Expr &i, int dimension) {
            return on_gpu ? clamp(i, input.dim(dimension).min(), input.dim(dimension).max()) : i;
        };
        const Expr channel = on_gpu && c_count % afnet::schedules::kGpuVector != 0 ? min(c, c_count - 1) : Expr(c);
        const auto from = [&](int kind) {
            return widened(
                input(channel, stored(x, 1), stored(y, 2), afnet::generators::source_frame(sources, kind, f, input)));
        };
        if (shift) shifted(c, x, y, f) = select(c < fold, from(1), c < 2 * fold, from(2), from(0));
        const Expr column = s * x + r.x - pad, line = s * y + r.y - pad;
        sum(c, x, y, f) = bias(channel);
        sum(c, x, y, f) +=
            weights(channel, r.x, r.y) *
            (shift ? shifted(c, column, line, f) : widened(input(channel, stored(column, 1), stored(line, 2), f)));
        output(c, x, y, f) = rounded(dtype, activate(activation, sum(c, x, y, f)));
        input.dim(0).set_bounds(0, c_count).dim(1).set_stride(c_count);
        input.dim(3).set_min(0);
        weights.dim(0).set_bounds(0, c_count).dim(1).set_bounds(0, k).set_stride(c_count);
        weights.dim(2).set_bounds(0, k).set_stride(c_count * k);
        bias.dim(0).set_bounds(0, c_count);
        afnet::generators::work_list(sources);
        output.dim(0).set_bounds(0, c_count).dim(1).set_min(0).set_stride(c_count);
        output.dim(2).set_min(0);
        output.dim(3).set_min(0);
        if (!on_gpu) return;
        afnet::schedules::align_rows(input, c_count);
        afnet::schedules::align_rows(output, c_count);
    }

    void schedule() {
        const afnet::schedules::DepthwiseStages stages{shifted, sum, output, c, x, y, f, r, output.dim(1).extent(),
                                                       channels};
        on_gpu ? schedule_gpu(stages, knobs) : schedule_cpu(stages, knobs, target);
    }

private:
    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
    Func shifted{"shifted"}, sum{"sum"};
    RDom r;
    bool on_gpu = false;
};

}  // namespace

HALIDE_REGISTER_GENERATOR(Depthwise, depthwise)
