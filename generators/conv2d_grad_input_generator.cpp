// The gradient of generators/convolution.h to its input, derived by propagate_adjoints:
//
//   d_input(i, X, Y, f) [+]= sum_{c,u,v} weights(c, i, u, v) d_output(c, (X + P - u) / S, (Y + P - v) / S, f)
//
// over those c, u, v whose quotients are whole and inside the frame. With `accumulate` it is added to d_input_before,
// which may be d_input itself.
#include "generators/convolution.h"
#include "generators/dtype.h"
#include "schedules/convolution_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class Conv2dGradInput : public Generator<Conv2dGradInput> {
public:
    GeneratorParam<int> ci{"ci", 64};
    GeneratorParam<int> co{"co", 64};
    GeneratorParam<int> kernel{"kernel", 3};
    GeneratorParam<int> stride{"stride", 1};
    GeneratorParam<int> groups{"groups", 1};
    GeneratorParam<bool> accumulate{"accumulate", false};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};
    afnet::schedules::ConvolutionKnobs knobs;

    Input<Buffer<void, 4>> d_output{"d_output"};             // [co, x', y', f]
    Input<Buffer<void, 4>> weights{"weights"};               // [co, ci/g, u, v]
    Input<Buffer<void, 4>> d_input_before{"d_input_before"}; // [ci, x, y, f], read with `accumulate`
    Output<Buffer<void, 4>> d_input{"d_input"};              // [ci, x, y, f]

    void configure() {
        for (auto *buffer : {&d_output, &weights, &d_input_before})
            buffer->set_type(sum_type(dtype));
        d_input.set_type(sum_type(dtype));
    }

    void generate() {
        const ConvolutionShape shape = {ci, co, kernel, stride, groups};
        const Type type = sum_type(dtype);
        const int in_group = shape.inputs(), s = stride;
        const int block = convolution_block(knobs, in_group, s, type.bits(), target);
        const Expr width = d_output.dim(1).extent(), height = d_output.dim(2).extent(),
                   frames = d_output.dim(3).extent();

        Func source = BoundaryConditions::constant_exterior(d_output, cast(type, 0), Expr(), Expr(), 0, width, 0,
                                                            height, 0, frames);
        Func panels("panels");
        Var b("b"), i("i"), u("u"), v("v"), at("at"), g("g");
        panels(b, i, u, v, at, g) = weights(g * shape.outputs() + i, blocked_channel(at, b, block, in_group), u, v);
        // The convolution is linear: its gradient does not read the input.
        Convolution convolution(
            shape, type, [&](Expr, Expr, Expr, Expr, Expr) { return cast(type, 0); },
            [&](Expr c, Expr i, Expr group, Expr u, Expr v) { return panels(i % block, c, u, v, i / block, group); });
        Func adjoint("adjoint");
        adjoint(convolution.c, convolution.g, convolution.x, convolution.y, convolution.f) =
            source(convolution.g * shape.outputs() + convolution.c, convolution.x, convolution.y, convolution.f);
        Func d_phases = convolution.d_phases(convolution.gradients(adjoint, {width, height, frames}));

        Expr value = d_phases(within_group(c, in_group, groups, in_group), group_of(c, in_group, groups), x % s, y % s,
                              x / s, y / s, f);
        if (accumulate) value += d_input_before(c, x, y, f);
        d_input(c, x, y, f) = value;
        training_frames(d_output, co);
        training_weights(weights, shape);
        if (accumulate) training_frames(d_input_before, ci);
        training_frames(d_input, ci);
        const std::vector<RVar> r = d_phases.rvars(0);
        stages = {source,
                  panels,
                  d_phases,
                  r.at(0),
                  r.at(1),
                  r.at(2),
                  d_input,
                  c,
                  x,
                  y,
                  f,
                  (d_input.dim(1).extent() + s - 1) / s,
                  (d_input.dim(2).extent() + s - 1) / s,
                  d_input.dim(3).extent(),
                  in_group,
                  groups,
                  s,
                  kernel,
                  block,
                  type.bits(),
                  false,
                  kernel == 1 ? shape.outputs() : 0}; // with more taps, a panel's lines lie too far apart
    }

    void schedule() { schedule_cpu(stages, knobs, target); }

private:
    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
    afnet::schedules::ConvolutionStages stages;
};

} // namespace

HALIDE_REGISTER_GENERATOR(Conv2dGradInput, conv2d_grad_input)
