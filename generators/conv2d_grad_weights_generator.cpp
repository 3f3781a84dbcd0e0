// The gradient of generators/convolution.h to its weights, derived by propagate_adjoints:
//
//   d_weights(c, i, u, v) = sum_{x,y,f} d_output(c, x, y, f) input(i, S x + u - P, S y + v - P, f)
#include "generators/convolution.h"
#include "generators/dtype.h"
#include "schedules/weight_gradient_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class Conv2dGradWeights : public Generator<Conv2dGradWeights> {
public:
    GeneratorParam<int> ci{"ci", 64};
    GeneratorParam<int> co{"co", 64};
    GeneratorParam<int> kernel{"kernel", 3};
    GeneratorParam<int> stride{"stride", 1};
    GeneratorParam<int> groups{"groups", 1};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};
    afnet::schedules::WeightGradientKnobs knobs;

    Input<Buffer<void, 4>> input{"input"};          // [ci, x, y, f] with its zero border
    Input<Buffer<void, 4>> d_output{"d_output"};    // [co, x', y', f]
    Output<Buffer<void, 4>> d_weights{"d_weights"}; // [co, ci/g, u, v]

    void configure() {
        for (auto *buffer : {&input, &d_output})
            buffer->set_type(sum_type(dtype));
        d_weights.set_type(sum_type(dtype));
    }

    void generate() {
        const ConvolutionShape shape = {ci, co, kernel, stride, groups};
        const Type type = sum_type(dtype);
        const int inputs = shape.inputs(), outputs = shape.outputs();
        const int block = weight_gradient_block(knobs, outputs, type.bits(), target);
        const int input_block = weight_gradient_input_block(knobs, block, inputs, type.bits(), target);
        const Expr width = d_output.dim(1).extent(), height = d_output.dim(2).extent(),
                   frames = d_output.dim(3).extent();

        // Both are read by blocks of channels that lie side by side.
        Func in("in"), d_out("d_out");
        Var b("b"), x("x"), y("y"), f("f"), at("at"), g("g");
        const auto inside = [&](const Expr &at, int dimension) {
            const auto d = input.dim(dimension);
            return int(stride) == 1 ? at : clamp(at, d.min(), d.max());
        };
        in(b, x, y, f, at, g) =
            input(g * inputs + blocked_channel(at, b, input_block, inputs), inside(x, 1), inside(y, 2), f);
        d_out(b, x, y, f, at, g) = d_output(g * outputs + blocked_channel(at, b, block, outputs), x, y, f);
        Convolution convolution(
            shape, type,
            [&](Expr i, Expr group, Expr x, Expr y, Expr f) {
                return in(i % input_block, x, y, f, i / input_block, group);
            },
            // The convolution is linear: its gradient does not read the weights.
            [&](Expr, Expr, Expr, Expr, Expr) { return cast(type, 0); });
        Func adjoint("adjoint");
        const Var c = convolution.c;
        adjoint(c, convolution.g, convolution.x, convolution.y, convolution.f) =
            d_out(c % block, convolution.x, convolution.y, convolution.f, c / block, convolution.g);
        Func d_filters = convolution.d_filters(convolution.gradients(adjoint, width, height, frames));
        d_weights(o, i, u, v) =
            d_filters(within_group(o, outputs, groups, block), i, group_of(o, outputs, groups), u, v);
        training_frames(input, ci, true);
        training_frames(d_output, co);
        training_weights(d_weights, shape);
        stages = {in, d_out, d_filters, d_weights, o, i, u, v, width, height, frames, outputs, inputs, groups, kernel,
                  block, input_block, type.bits()};
    }

    void schedule() { schedule_cpu(stages, knobs, target); }

private:
    Var o{"o"}, i{"i"}, u{"u"}, v{"v"};
    afnet::schedules::WeightGradientStages stages;
};

} // namespace

HALIDE_REGISTER_GENERATOR(Conv2dGradWeights, conv2d_grad_weights)
