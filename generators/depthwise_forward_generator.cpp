// Depthwise convolution of training's forward pass: generators/depthwise_convolution.h, stored as it is.
#include "generators/convolution.h"
#include "generators/depthwise_convolution.h"
#include "generators/dtype.h"
#include "schedules/convolution_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class DepthwiseForward : public Generator<DepthwiseForward> {
public:
    GeneratorParam<int> channels{"channels", 16};
    GeneratorParam<int> kernel{"kernel", 3};
    GeneratorParam<int> stride{"stride", 1};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};
    afnet::schedules::ConvolutionKnobs knobs;

    Input<Buffer<void, 4>> input{"input"};     // [c, x, y, f] with its zero border
    Input<Buffer<void, 3>> weights{"weights"}; // [c, u, v]
    Output<Buffer<void, 4>> output{"output"};  // [c, x', y', f]

    void configure() {
        input.set_type(sum_type(dtype));
        weights.set_type(sum_type(dtype));
        output.set_type(sum_type(dtype));
    }

    void generate() {
        const Type type = sum_type(dtype);
        const int c_count = channels, block = depthwise_block(knobs, type.bits(), target);
        // What lies outside the buffer is read by tiles that hang over the edge alone.
        Func source = BoundaryConditions::constant_exterior(input, cast(type, 0), 0, c_count, input.dim(1).min(),
                                                            input.dim(1).extent(), input.dim(2).min(),
                                                            input.dim(2).extent(), 0, input.dim(3).extent());
        Func panels("panels");
        Var b("b"), i("i"), u("u"), v("v"), at("at"), g("g");
        panels(b, i, u, v, at, g) = weights(blocked_channel(at, b, block, c_count), u, v);
        DepthwiseConvolution convolution(
            c_count, kernel, stride, type,
            [&](Expr channel, Expr x, Expr y, Expr f) { return source(channel, x, y, f); },
            [&](Expr c, Expr u, Expr v) { return panels(c % block, 0, u, v, c / block, 0); });
        output(c, x, y, f) = convolution.sum(c, 0, x, y, f);
        training_frames(input, c_count, true);
        depthwise_weights(weights, c_count, kernel);
        training_frames(output, c_count);
        stages = {source,
                  panels,
                  convolution.sum,
                  {},
                  convolution.r.x,
                  convolution.r.y,
                  output,
                  c,
                  x,
                  y,
                  f,
                  output.dim(1).extent(),
                  output.dim(2).extent(),
                  output.dim(3).extent(),
                  c_count,
                  1,
                  1,
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

HALIDE_REGISTER_GENERATOR(DepthwiseForward, depthwise_forward)
