// Gradient of a fully connected layer (generators/linear_generator.cpp) towards its parameters. The activation's
// derivative follows from the output; the sums are derived from the layer's.
//
//   g(k, f)         = act'(output(k, f)) d_output(k, f)
//   d_weights(k, c) = sum_f g(k, f) input(c, f)
//   d_bias(k)       = sum_f g(k, f)
#include "generators/activation_gradient.h"
#include "generators/adjoint.h"
#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/linear_grad_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;
using afnet::generators::Dtype;

class LinearGradWeights : public Generator<LinearGradWeights> {
public:
    GeneratorParam<Activation> activation{"activation", Activation::Linear, afnet::generators::activation_names()};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 2>> input{"input"};          // [c, f]
    Input<Buffer<void, 2>> output{"output"};        // [k, f]
    Input<Buffer<void, 2>> d_output{"d_output"};    // [k, f]
    Output<Buffer<void, 2>> d_weights{"d_weights"}; // [k, c]
    Output<Buffer<void, 1>> d_bias{"d_bias"};       // [k]

    void configure() {
        for (auto *buffer : {&input, &output, &d_output})
            buffer->set_type(element_type(dtype));
        d_weights.set_type(element_type(dtype));
        d_bias.set_type(element_type(dtype));
    }

    void generate() {
        const Type type = element_type(dtype);
        gradient(k, f) = d_output(k, f) * slope_from_output(activation, output(k, f));
        Func weights("weights"), bias("bias"), sum("sum");
        weights(k, c) = Internal::make_zero(type);
        bias(k) = Internal::make_zero(type);
        const RDom r(0, input.dim(0).extent(), "r");
        sum(k, f) = bias(k);
        sum(k, f) += weights(k, r) * input(r, f);
        const Derivative d = propagate_adjoints(
            sum, gradient, afnet::generators::whole({d_output.dim(0).extent(), d_output.dim(1).extent()}));
        derived_weights = d(weights);
        derived_bias = d(bias);
        afnet::generators::drop_guards(derived_weights);
        afnet::generators::drop_guards(derived_bias);
        d_weights(k, c) = derived_weights(k, c);
        d_bias(k) = derived_bias(k);
        afnet::generators::frames_from_zero(input);
        if (activation != Activation::Linear) afnet::generators::frames_from_zero(output);
        afnet::generators::frames_from_zero(d_output);
        afnet::generators::frames_from_zero(d_weights);
        d_bias.dim(0).set_min(0);
    }

    void schedule() {
        schedule_cpu(
            afnet::schedules::LinearGradWeights{gradient, derived_weights, derived_bias, d_weights, d_bias, k, c, f},
            target);
    }

private:
    Var k{"k"}, c{"c"}, f{"f"};
    Func gradient{"gradient"}, derived_weights, derived_bias;
};

} // namespace

HALIDE_REGISTER_GENERATOR(LinearGradWeights, linear_grad_weights)
