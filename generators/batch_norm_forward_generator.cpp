// Batch normalisation by given statistics, with what follows it.
//
//   output(c, x, y, f) = act(gamma(c) (input(c, x, y, f) - mean(c)) / sqrt(variance(c) + 1e-5) + beta(c) [+ residual])
#include "generators/batch_norm.h"
#include "generators/layout.h"
#include "schedules/elementwise_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;
using afnet::generators::Dtype;

class BatchNormForward : public Generator<BatchNormForward> {
public:
    GeneratorParam<Activation> activation{"activation", Activation::Linear, afnet::generators::norm_activation_names()};
    GeneratorParam<bool> add_residual{"add_residual", false};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 4>> input{"input"};       // [c, x, y, f]
    Input<Buffer<void, 1>> mean{"mean"};         // [c]
    Input<Buffer<void, 1>> variance{"variance"}; // [c]
    Input<Buffer<void, 1>> gamma{"gamma"};       // [c]
    Input<Buffer<void, 1>> beta{"beta"};         // [c]
    Input<Buffer<void, 4>> residual{"residual"}; // [c, x, y, f], read with `add_residual`
    Output<Buffer<void, 4>> output{"output"};    // [c, x, y, f]

    void configure() {
        const Type type = element_type(dtype);
        for (auto *buffer : {&input, &residual})
            buffer->set_type(type);
        for (auto *buffer : {&mean, &variance, &gamma, &beta})
            buffer->set_type(type);
        output.set_type(type);
    }

    void generate() {
        scale(c) = gamma(c) * afnet::generators::inverse_deviation(variance(c));
        Expr value = (input(c, x, y, f) - mean(c)) * scale(c) + beta(c);
        if (add_residual) value += residual(c, x, y, f);
        output(c, x, y, f) = activate(activation, value);
        afnet::generators::frames_from_zero(input);
        afnet::generators::frames_from_zero(output);
        if (add_residual) afnet::generators::frames_from_zero(residual);
    }

    void schedule() {
        afnet::schedules::schedule_channel_constants({scale}, target);
        schedule_cpu(afnet::schedules::ElementwiseLoops{Func(output), c, {x}, {y, f}}, target);
    }

private:
    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
    Func scale{"scale"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(BatchNormForward, batch_norm_forward)
