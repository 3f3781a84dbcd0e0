// Dropout, scaled so that its mean is the input; with the same random numbers it is its own gradient.
//
//   output(c, f) = 0 where uniform(c, f) < rate, else input(c, f) / (1 - rate)
#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/elementwise_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Dtype;

class Dropout : public Generator<Dropout> {
public:
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 2>> input{"input"};      // [c, f]; may be the output
    Input<Buffer<float, 2>> uniform{"uniform"}; // [c, f], in [0, 1)
    Input<double> rate{"rate"};                 // in [0, 1)
    Output<Buffer<void, 2>> output{"output"};   // [c, f]

    void configure() {
        input.set_type(element_type(dtype));
        output.set_type(element_type(dtype));
    }

    void generate() {
        const Type type = element_type(dtype);
        const Expr kept = input(c, f) / cast(type, Expr(1.0) - rate);
        output(c, f) = select(uniform(c, f) < cast<float>(rate), Internal::make_zero(type), kept);
        afnet::generators::frames_from_zero(input);
        afnet::generators::frames_from_zero(uniform);
        afnet::generators::frames_from_zero(output);
    }

    void schedule() { schedule_cpu(afnet::schedules::ElementwiseLoops{Func(output), c, {}, {f}}, target); }

private:
    Var c{"c"}, f{"f"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(Dropout, dropout)
