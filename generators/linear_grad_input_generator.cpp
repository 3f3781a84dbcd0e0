// Gradient of a fully connected layer (generators/linear_generator.cpp) towards its input. The activation's derivative
// follows from the output; the sum is derived from the layer's.
//
//   g(k, f)            = act'(output(k, f)) d_output(k, f)
//   d_input(c, f) [+]= sum_k weights(k, c) g(k, f)
#include "generators/activation_gradient.h"
#include "generators/adjoint.h"
#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/linear_grad_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;
using afnet::generators::Dtype;

class LinearGradInput : public Generator<LinearGradInput> {
public:
    GeneratorParam<Activation> activation{"activation", Activation::Linear, afnet::generators::activation_names()};
    GeneratorParam<bool> accumulate{"accumulate", false};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 2>> weights{"weights"};               // [k, c]
    Input<Buffer<void, 2>> output{"output"};                 // [k, f]
    Input<Buffer<void, 2>> d_output{"d_output"};             // [k, f]
    Input<Buffer<void, 2>> d_input_before{"d_input_before"}; // [c, f], read with `accumulate`; may be d_input
    Output<Buffer<void, 2>> d_input{"d_input"};              // [c, f]

    void configure() {
        for (auto *buffer : {&weights, &output, &d_output, &d_input_before})
            buffer->set_type(element_type(dtype));
        d_input.set_type(element_type(dtype));
    }

    void generate() {
        const Type type = element_type(dtype);
        gradient(k, f) = d_output(k, f) * slope_from_output(activation, output(k, f));
        // The schedule computes whole tiles: what lies beyond the last input or frame is read as the last.
        const Expr inputs = weights.dim(1).extent(), frames = d_output.dim(1).extent();
        Func source("source"), sum("sum"), rows("rows"), adjoint("adjoint");
        source(c, f) = Internal::make_zero(type);
        rows(k, c) = weights(k, clamp(c, 0, inputs - 1));
        adjoint(k, f) = gradient(k, clamp(f, 0, frames - 1));
        const RDom r(0, inputs, "r");
        sum(k, f) = Internal::make_zero(type);
        sum(k, f) += rows(k, r) * source(r, f);
        const Derivative d =
            propagate_adjoints(sum, adjoint, afnet::generators::whole({weights.dim(0).extent(), frames}));
        derived = d(source);
        afnet::generators::drop_guards(derived);
        d_input(c, f) = accumulate ? d_input_before(c, f) + derived(c, f) : derived(c, f);
        afnet::generators::frames_from_zero(weights);
        if (activation != Activation::Linear) afnet::generators::frames_from_zero(output);
        afnet::generators::frames_from_zero(d_output);
        if (accumulate) afnet::generators::frames_from_zero(d_input_before);
        afnet::generators::frames_from_zero(d_input);
    }

    void schedule() { schedule_cpu(afnet::schedules::LinearGradInput{gradient, derived, d_input, k, c, f}, target); }

private:
    Var k{"k"}, c{"c"}, f{"f"};
    Func gradient{"gradient"}, derived;
};

} // namespace

HALIDE_REGISTER_GENERATOR(LinearGradInput, linear_grad_input)
