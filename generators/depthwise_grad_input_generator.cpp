// The gradient of generators/depthwise_convolution.h to its input, derived by propagate_adjoints:
//
//   d_input(c, X, Y, f) [+]= sum_{u,v} weights(c, u, v) d_output(c, (X + P - u) / S, (Y + P - v) / S, f)
//
// over those u, v whose quotients are whole and inside the frame. With `accumulate` it is added to d_input_before,
// which may be d_input itself.
#include "generators/convolution.h"
#include "generators/depthwise_convolution.h"
#include "generators/dtype.h"
#include "schedules/convolution_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class DepthwiseGradInput : public Generator<DepthwiseGradInput> {
public:
    GeneratorParam<int> channels{"channels", 16};
    GeneratorParam<int> kernel{"kernel", 3};
    GeneratorParam<int> stride{"stride", 1};
    GeneratorParam<bool> accumulate{"accumulate", false};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};
    afnet::schedules::ConvolutionKnobs knobs;

    Input<Buffer<void, 4>> d_output{"d_output"};             // [c, x', y', f]
    Input<Buffer<void, 3>> weights{"weights"};               // [c, u, v]
    Input<Buffer<void, 4>> d_input_before{"d_input_before"}; // [c, x, y, f], read with `accumulate`
    Output<Buffer<void, 4>> d_input{"d_input"};              // [c, x, y, f]

    void configure() {
        d_output.set_type(sum_type(dtype));
        weights.set_type(sum_type(dtype));
        d_input_before.set_type(sum_type(dtype));
        d_input.set_type(sum_type(dtype));
    }

    void generate() {
        const Type type = sum_type(dtype);
        const int c_count = channels, s = stride, block = depthwise_block(knobs, type.bits(), target);
        const Expr width = d_output.dim(1).extent(), height = d_output.dim(2).extent(),
                   frames = d_output.dim(3).extent();
        Func source =
            BoundaryConditions::constant_exterior(d_output, cast(type, 0), 0, c_count, 0, width, 0, height, 0, frames);
        Func panels("panels");
        Var b("b"), i("i"), u("u"), v("v"), at("at"), g("g");
        panels(b, i, u, v, at, g) = weights(blocked_channel(at, b, block, c_count), u, v);
        // The convolution is linear: its gradient does not read the input.
        DepthwiseConvolution convolution(
            c_count, kernel, s, type, [&](Expr, Expr, Expr, Expr) { return cast(type, 0); },
            [&](Expr c, Expr u, Expr v) { return panels(c % block, 0, u, v, c / block, 0); });
        Func adjoint("adjoint");
        adjoint(convolution.c, convolution.g, convolution.x, convolution.y, convolution.f) =
            source(convolution.c, convolution.x, convolution.y, convolution.f);
        Func d_phases = convolution.d_phases(convolution.gradients(adjoint, width, height, frames));

        Expr value = d_phases(c, 0, x % s, y % s, x / s, y / s, f);
        if (accumulate) value += d_input_before(c, x, y, f);
        d_input(c, x, y, f) = value;
        training_frames(d_output, c_count);
        depthwise_weights(weights, c_count, kernel);
        if (accumulate) training_frames(d_input_before, c_count);
        training_frames(d_input, c_count);
        const std::vector<RVar> r = d_phases.rvars(0);
        stages = {source,
                  panels,
                  d_phases,
                  {},
                  r.at(0),
                  r.at(1),
                  d_input,
                  c,
                  x,
                  y,
                  f,
                  (d_input.dim(1).extent() + s - 1) / s,
                  (d_input.dim(2).extent() + s - 1) / s,
                  d_input.dim(3).extent(),
                  c_count,
                  1,
                  s,
                  kernel,
                  block,
                  type.bits()};
        stages.depthwise = true;
    }

    void schedule() { schedule_cpu(stages, knobs, target); }

private:
    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
    afnet::schedules::ConvolutionStages stages;
};

} // namespace

HALIDE_REGISTER_GENERATOR(DepthwiseGradInput, depthwise_grad_input)
