// The gradient of max_pool_forward: each output's gradient goes to the element that won. A pixel lies in up to four
// windows.
//
//   d_input(c, x, y, f) [+]= sum of d_output(c, i, j, f) over windows (i, j) whose index names (x, y)
#include "generators/derivation.h"
#include "generators/dtype.h"
#include "generators/layout.h"
#include "generators/pooling_windows.h"
#include "schedules/elementwise_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class MaxPoolGrad : public Generator<MaxPoolGrad> {
public:
    GeneratorParam<bool> accumulate{"accumulate", false};
    GeneratorParam<Derivation> derivation{"derivation", Derivation::Closed, derivation_names()};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};

    Input<Buffer<void, 4>> d_output{"d_output"};             // [c, (x + 1) / 2, (y + 1) / 2, f]
    Input<Buffer<uint8_t, 4>> index{"index"};                // [c, (x + 1) / 2, (y + 1) / 2, f]
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
        frames_from_zero(index);
        frames_from_zero(d_input);
        if (accumulate) frames_from_zero(d_input_before);
    }

    void schedule() {
        if (derivation == Derivation::Adjoint) compute_reductions_at_root({Func(d_input)});
        schedule_cpu(afnet::schedules::ElementwiseLoops{Func(d_input), c, {x}, {y, f}}, target);
    }

private:
    Expr gathered() {
        return sum_over_windows(x, y, d_output, [&](const Window &window) {
            const Expr won = index(c, window.i, window.j, f) == cast<uint8_t>(3 * window.v + window.u);
            return select(won, d_output(c, window.i, window.j, f), Internal::make_const(element_type(dtype), 0));
        });
    }

    // A gather by the saved index; the derived gradient scatters.
    Expr derived() {
        Func definition("definition"), after("after"), outer("outer");
        definition(c, x, y, f) = Internal::make_const(element_type(dtype), 0); // its values do not matter
        const Expr k = clamp(cast<int>(index(c, x, y, f)), 0, 8);
        after(c, x, y, f) = definition(c, 2 * x + k % 3 - 1, 2 * y + k / 3 - 1, f);
        const Func adjoint = propagate_adjoints(after, d_output, whole_region(d_output))(definition);
        return adjoint(c, x, y, f);
    }

    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(MaxPoolGrad, max_pool_grad)
