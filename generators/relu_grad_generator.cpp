// The gradient before a ReLU on feature maps, from its result.
//
//   d_input(c, x, y, f) = d_output(c, x, y, f) where output(c, x, y, f) > 0, else 0
#include "generators/activation_gradient.h"
#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/elementwise_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class ReluGrad : public Generator<ReluGrad> {
public:
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};

    Input<Buffer<void, 4>> output{"output"};     // [c, x, y, f]
    Input<Buffer<void, 4>> d_output{"d_output"}; // [c, x, y, f]; may be d_input
    Output<Buffer<void, 4>> d_input{"d_input"};  // [c, x, y, f]

    void configure() {
        output.set_type(element_type(dtype));
        d_output.set_type(element_type(dtype));
        d_input.set_type(element_type(dtype));
    }

    void generate() {
        const Expr zero = Internal::make_const(element_type(dtype), 0);
        d_input(c, x, y, f) = select(output(c, x, y, f) > zero, d_output(c, x, y, f), zero);
        frames_from_zero(output);
        frames_from_zero(d_output);
        frames_from_zero(d_input);
    }

    void schedule() { schedule_cpu(afnet::schedules::ElementwiseLoops{Func(d_input), c, {x}, {y, f}}, target); }

private:
    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(ReluGrad, relu_grad)
