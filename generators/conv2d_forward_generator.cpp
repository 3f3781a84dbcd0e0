// Convolution of training's forward pass: generators/convolution.h, stored for the backward pass as it is.
#include "generators/convolution.h"
#include "generators/dtype.h"
#include "schedules/convolution_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class Conv2dForward : public Generator<Conv2dForward> {
public:
    GeneratorParam<int> ci{"ci", 64};
    GeneratorParam<int> co{"co", 64};
    GeneratorParam<int> kernel{"kernel", 3};
    GeneratorParam<int> stride{"stride", 1};
    GeneratorParam<int> groups{"groups", 1};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};
    afnet::schedules::ConvolutionKnobs knobs;

    Input<Buffer<void, 4>> input{"input"};     // [ci, x, y, f] with its zero border
    Input<Buffer<void, 4>> weights{"weights"}; // [co, ci/g, u, v]
    Output<Buffer<void, 4>> output{"output"};  // [co, x', y', f]

    void configure() {
        for (auto *buffer : {&input, &weights})
            buffer->set_type(sum_type(dtype));
        output.set_type(sum_type(dtype));
    }

    void generate() {
        const ConvolutionShape shape = {ci, co, kernel, stride, groups};
        const Type type = sum_type(dtype);
        const int in_group = shape.outputs();
        const int block = convolution_block(knobs, in_group, 1, type.bits(), target);

        // What lies outside the buffer is read by tiles that hang over the edge alone.
        Func source = BoundaryConditions::constant_exterior(input, cast(type, 0), Expr(), Expr(), input.dim(1).min(),
                                                            input.dim(1).extent(), input.dim(2).min(),
                                                            input.dim(2).extent(), 0, input.dim(3).extent());
        Func panels("panels");
        Var b("b"), i("i"), u("u"), v("v"), at("at"), g("g");
        panels(b, i, u, v, at, g) = weights(g * in_group + blocked_channel(at, b, block, in_group), i, u, v);
        Convolution convolution(
            shape, type,
            [&](Expr channel, Expr group, Expr x, Expr y, Expr f) {
                return source(group * shape.inputs() + channel, x, y, f);
            },
            [&](Expr c, Expr i, Expr group, Expr u, Expr v) { return panels(c % block, i, u, v, c / block, group); });
        output(c, x, y, f) =
            convolution.sum(within_group(c, in_group, groups, in_group), group_of(c, in_group, groups), x, y, f);
        training_frames(input, ci, true);
        training_weights(weights, shape);
        training_frames(output, co);
        stages = {source,
                  panels,
                  convolution.sum,
                  convolution.r.x,
                  convolution.r.y,
                  convolution.r.z,
                  output,
                  c,
                  x,
                  y,
                  f,
                  output.dim(1).extent(),
                  output.dim(2).extent(),
                  output.dim(3).extent(),
                  in_group,
                  groups,
                  1,
                  kernel,
                  block,
                  type.bits()};
    }

    void schedule() { schedule_cpu(stages, knobs, target); }

private:
    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
    afnet::schedules::ConvolutionStages stages;
};

} // namespace

HALIDE_REGISTER_GENERATOR(Conv2dForward, conv2d_forward)
