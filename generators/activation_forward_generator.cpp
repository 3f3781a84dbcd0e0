// An activation by itself, on one vector per frame: output(c, f) = act(input(c, f)).
#include "generators/activation_gradient.h"
#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/elementwise_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;
using afnet::generators::Dtype;

class ActivationForward : public Generator<ActivationForward> {
public:
    GeneratorParam<Activation> activation{"activation", Activation::Relu, afnet::generators::activation_names()};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 2>> input{"input"};    // [c, f]; may be the output
    Output<Buffer<void, 2>> output{"output"}; // [c, f]

    void configure() {
        input.set_type(element_type(dtype));
        output.set_type(element_type(dtype));
    }

    void generate() {
        output(c, f) = differentiable_activation(activation, input(c, f));
        afnet::generators::frames_from_zero(input);
        afnet::generators::frames_from_zero(output);
    }

    void schedule() { schedule_cpu(afnet::schedules::ElementwiseLoops{Func(output), c, {}, {f}}, target); }

private:
    Var c{"c"}, f{"f"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(ActivationForward, activation_forward)
