// Gradient of an activation on one vector per frame, derived from its definition:
//
//   d_input(c, f) = act'(input(c, f)) d_output(c, f)
#include "generators/activation_gradient.h"
#include "generators/adjoint.h"
#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/elementwise_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;
using afnet::generators::Dtype;

class ActivationGrad : public Generator<ActivationGrad> {
public:
    GeneratorParam<Activation> activation{"activation", Activation::Relu, afnet::generators::activation_names()};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 2>> input{"input"};       // [c, f]
    Input<Buffer<void, 2>> d_output{"d_output"}; // [c, f]; may be d_input
    Output<Buffer<void, 2>> d_input{"d_input"};  // [c, f]

    void configure() {
        input.set_type(element_type(dtype));
        d_output.set_type(element_type(dtype));
        d_input.set_type(element_type(dtype));
    }

    void generate() {
        Func source("source"), activated("activated"), adjoint("adjoint");
        source(c, f) = input(c, f);
        activated(c, f) = differentiable_activation(activation, source(c, f));
        adjoint(c, f) = d_output(c, f);
        const Derivative d = propagate_adjoints(
            activated, adjoint, afnet::generators::whole({d_output.dim(0).extent(), d_output.dim(1).extent()}));
        d_input(c, f) = d(source)(c, f);
        afnet::generators::frames_from_zero(input);
        afnet::generators::frames_from_zero(d_output);
        afnet::generators::frames_from_zero(d_input);
    }

    void schedule() { schedule_cpu(afnet::schedules::ElementwiseLoops{Func(d_input), c, {}, {f}}, target); }

private:
    Var c{"c"}, f{"f"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(ActivationGrad, activation_grad)
