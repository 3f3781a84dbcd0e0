// The second half of squeeze-and-excitation, at inference in place: each channel times its gate, then the activation,
// which in AF-MobileNetV3 follows the gate (AFNET_SPEC §4).
//
//   output(c, x, y, f) = act(gate(c, f) input(c, x, y, f))
#include "generators/activation.h"
#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/elementwise_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;
using afnet::generators::Dtype;
using afnet::generators::rounded;
using afnet::generators::widened;

class ScaleChannels : public Generator<ScaleChannels> {
public:
    GeneratorParam<Activation> activation{"activation", Activation::Relu, afnet::generators::activation_names()};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 4>> input{"input"};      // [c, x, y, f]; may be the output
    Input<Buffer<void, 2>> gate{"gate"};        // [c, f]
    Output<Buffer<void, 4>> output{"output"};   // [c, x, y, f]

    void configure() {
        input.set_type(element_type(dtype));
        gate.set_type(sum_type(dtype));
        output.set_type(element_type(dtype));
    }

    void generate() {
        output(c, x, y, f) = rounded(dtype, activate(activation, gate(c, f) * widened(input(c, x, y, f))));
        afnet::generators::frames_from_zero(input);
        afnet::generators::frames_from_zero(gate);
        afnet::generators::frames_from_zero(output);
    }

    void schedule() {
        afnet::schedules::schedule(afnet::schedules::ElementwiseLoops{Func(output), c, {x}, {y, f}}, target);
    }

private:
    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(ScaleChannels, scale_channels)
