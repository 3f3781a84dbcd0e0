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
        const auto tile = weight_gradient_tile(knobs, outputs, inputs, kernel, type.bits(), target);
        const int block = tile.outputs, input_block = tile.inputs;
        const Expr width = d_output.dim(1).extent(), height = d_output.dim(2).extent(),
                   frames = d_output.dim(3).extent();

        // The sum runs over blocks of pixels: some rows of some frames of a part of the frames.
        const auto blocks =
            weight_gradient_blocks(knobs, inputs * outputs * int(groups) * kernel * kernel, width, height, frames);
        Pixels pixels;
        Var x("x"), row("row"), frame("frame"), rows_at("rows_at"), frames_at("frames_at"), part("part");
        pixels.vars = {x, row, frame, rows_at, frames_at, part};
        pixels.x = x;
        pixels.y = rows_at * blocks.rows + row;
        pixels.f = (part * blocks.frame_blocks + frames_at) * blocks.frames + frame;

        // Both factors are read by blocks of channels that lie side by side. Blocks of pixels that hang over the edge
        // read zeroes; so do columns that a stride passes over.
        Func inside = BoundaryConditions::constant_exterior(input, cast(type, 0), Expr(), Expr(), input.dim(1).min(),
                                                            input.dim(1).extent(), input.dim(2).min(),
                                                            input.dim(2).extent(), 0, input.dim(3).extent());
        Func d_inside = BoundaryConditions::constant_exterior(d_output, cast(type, 0), Expr(), Expr(), Expr(), Expr(),
                                                              0, height, 0, frames);
        Func in("in"), d_out("d_out");
        Var b("b"), y("y"), f("f"), at("at"), g("g");
        in(b, x, y, f, at, g) = inside(g * inputs + blocked_channel(at, b, input_block, inputs), x, y, f);
        d_out(b, x, y, f, at, g) = d_inside(g * outputs + blocked_channel(at, b, block, outputs), x, y, f);
        Convolution convolution(
            shape, type,
            [&](Expr i, Expr group, Expr x, Expr y, Expr f) {
                return in(i % input_block, x, y, f, i / input_block, group);
            },
            // The convolution is linear: its gradient does not read the weights.
            [&](Expr, Expr, Expr, Expr, Expr) { return cast(type, 0); }, pixels);
        Func adjoint("adjoint");
        const Var c = convolution.c;
        std::vector<Var> place = {c, convolution.g};
        place.insert(place.end(), pixels.vars.begin(), pixels.vars.end());
        adjoint(place) = d_out(c % block, pixels.x, pixels.y, pixels.f, c / block, convolution.g);
        Func d_filters = convolution.d_filters(convolution.gradients(
            adjoint, {width, blocks.rows, blocks.frames, blocks.row_blocks, blocks.frame_blocks, blocks.parts}));
        d_weights(o, i, u, v) =
            d_filters(within_group(o, outputs, groups, block), i, group_of(o, outputs, groups), u, v);
        training_frames(input, ci, true);
        training_frames(d_output, co);
        training_weights(d_weights, shape);
        stages = {in,     d_out,   d_filters, d_weights, o,      i,    u,          v,
                  blocks, outputs, inputs,    groups,    kernel, tile, type.bits()};
    }

    void schedule() { schedule_cpu(stages, knobs, target); }

private:
    Var o{"o"}, i{"i"}, u{"u"}, v{"v"};
    afnet::schedules::WeightGradientStages stages;
};

} // namespace

HALIDE_REGISTER_GENERATOR(Conv2dGradWeights, conv2d_grad_weights)
