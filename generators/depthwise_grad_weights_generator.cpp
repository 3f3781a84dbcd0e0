// The gradient of generators/depthwise_convolution.h to its weights, derived by propagate_adjoints:
//
//   d_weights(c, u, v) = sum_{x,y,f} d_output(c, x, y, f) input(c, S x + u - P, S y + v - P, f)
#include "generators/convolution.h"
#include "generators/depthwise_convolution.h"
#include "generators/dtype.h"
#include "schedules/depthwise_gradient_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class DepthwiseGradWeights : public Generator<DepthwiseGradWeights> {
public:
    GeneratorParam<int> channels{"channels", 16};
    GeneratorParam<int> kernel{"kernel", 3};
    GeneratorParam<int> stride{"stride", 1};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};
    afnet::schedules::DepthwiseGradientKnobs knobs;

    Input<Buffer<void, 4>> input{"input"};          // [c, x, y, f] with its zero border
    Input<Buffer<void, 4>> d_output{"d_output"};    // [c, x', y', f]
    Output<Buffer<void, 3>> d_weights{"d_weights"}; // [c, u, v]

    void configure() {
        input.set_type(sum_type(dtype));
        d_output.set_type(sum_type(dtype));
        d_weights.set_type(sum_type(dtype));
    }

    void generate() {
        const Type type = sum_type(dtype);
        const int c_count = channels;
        const Expr width = d_output.dim(1).extent(), height = d_output.dim(2).extent(),
                   frames = d_output.dim(3).extent();
        DepthwiseConvolution convolution(
            c_count, kernel, stride, type,
            // Bounds of a quotient and its remainder, taken apart, pass over the border by less than a stride.
            [&](Expr channel, Expr x, Expr y, Expr f) {
                return input(channel, unsafe_promise_clamped(x, input.dim(1).min(), input.dim(1).max()),
                             unsafe_promise_clamped(y, input.dim(2).min(), input.dim(2).max()), f);
            },
            // The convolution is linear: its gradient does not read the weights.
            [&](Expr, Expr, Expr) { return cast(type, 0); });
        Func adjoint("adjoint");
        adjoint(convolution.c, convolution.g, convolution.x, convolution.y, convolution.f) =
            d_output(convolution.c, convolution.x, convolution.y, convolution.f);
        Func d_filters = convolution.d_filters(convolution.gradients(adjoint, width, height, frames));
        d_weights(c, u, v) = d_filters(c, 0, u, v);
        training_frames(input, c_count, true);
        training_frames(d_output, c_count);
        depthwise_weights(d_weights, c_count, kernel);
        stages = {d_filters, d_weights, c, u, v, frames, c_count, kernel, type.bits()};
    }

    void schedule() { schedule_cpu(stages, knobs, target); }

private:
    Var c{"c"}, u{"u"}, v{"v"};
    afnet::schedules::DepthwiseGradientStages stages;
};

} // namespace

HALIDE_REGISTER_GENERATOR(DepthwiseGradWeights, depthwise_grad_weights)
