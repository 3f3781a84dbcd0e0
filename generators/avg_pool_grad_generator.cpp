// The gradient of avg_pool: each output's gradient goes to the pixels of its window, a ninth each.
//
//   d_input(c, x, y, f) [+]= 1/9 sum of d_output(c, i, j, f) over the windows (i, j) that (x, y) lies in
#include "generators/derivation.h"
#include "generators/dtype.h"
#include "generators/layout.h"
#include "generators/pooling_windows.h"
#include "schedules/elementwise_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class AvgPoolGrad : public Generator<AvgPoolGrad> {
public:
    GeneratorParam<bool> accumulate{"accumulate", false};
    GeneratorParam<Derivation> derivation{"derivation", Derivation::Closed, derivation_names()};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};

    Input<Buffer<void, 4>> d_output{"d_output"};             // [c, (x + 1) / 2, (y + 1) / 2, f]
    Input<Buffer<void, 4>> d_input_before{"d_input_before"}; // [c, x, y, f], read by `accumulate`; may be d_input
    Output<Buffer<void, 4>> d_input{"d_input"};              // [c, x, y, f]

    void configure() {
        d_output.set_type(element_type(dtype));
        d_input_before.set_type(element_type(dtype));
        d_input.set_type(element_type(dtype));
    }

    void generate() {
        const Expr gradient = derivation == Derivation::Closed ? gathered() : derived();
        d_input(c, x, y, f) = accumulate ? d_input_before(c, x, y, f) + gradient : gradient;
        frames_from_zero(d_output);
        frames_from_zero(d_input);
        if (accumulate) frames_from_zero(d_input_before);
    }

    void schedule() {
        if (derivation == Derivation::Adjoint) compute_reductions_at_root({Func(d_input)});
        schedule_cpu(afnet::schedules::ElementwiseLoops{Func(d_input), c, {x}, {y, f}}, target);
    }

private:
    Expr ninth() const { return Internal::make_const(element_type(dtype), 1.0 / 9); }

    Expr gathered() {
        return ninth() * sum_over_windows(x, y, d_output, [&](const Window &window) {
                   return Expr(d_output(c, window.i, window.j, f));
               });
    }

    // Of nine taps, written out; the derived gradient scatters.
    Expr derived() {
        Func definition("definition"), after("after");
        definition(c, x, y, f) = Internal::make_const(element_type(dtype), 0); // its values do not matter
        Expr total = Internal::make_const(element_type(dtype), 0);
        for (int k = 0; k < 9; k++)
            total += definition(c, 2 * x + k % 3 - 1, 2 * y + k / 3 - 1, f);
        after(c, x, y, f) = total * ninth();
        const Func adjoint = propagate_adjoints(after, d_output, whole_region(d_output))(definition);
        return adjoint(c, x, y, f);
    }

    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(AvgPoolGrad, avg_pool_grad)
