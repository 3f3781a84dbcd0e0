// Average pooling of shortcuts: 3x3, stride 2, padding 1, the padding counted in the divisor (AFNET_SPEC §1).
//
//   output(c, x, y, f) = 1/9 sum_{u,v in 0..2} input(c, 2 x + u - 1, 2 y + v - 1, f), input zero outside
#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/elementwise_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Dtype;
using afnet::generators::rounded;
using afnet::generators::widened;

class AvgPool : public Generator<AvgPool> {
public:
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 4>> input{"input"};    // [c, x, y, f]
    Output<Buffer<void, 4>> output{"output"}; // [c, (x + 1) / 2, (y + 1) / 2, f]

    void configure() {
        input.set_type(element_type(dtype));
        output.set_type(element_type(dtype));
    }

    void generate() {
        const Func padded = BoundaryConditions::constant_exterior(
            input, Internal::make_const(element_type(dtype), 0),
            {{Expr(), Expr()}, {0, input.dim(1).extent()}, {0, input.dim(2).extent()}, {Expr(), Expr()}});
        const Type sums = sum_type(dtype);
        Expr total = Internal::make_const(sums, 0);
        for (int v = 0; v < 3; v++) {
            for (int u = 0; u < 3; u++)
                total += widened(padded(c, 2 * x + u - 1, 2 * y + v - 1, f));
        }
        output(c, x, y, f) = rounded(dtype, total * Internal::make_const(sums, 1.0 / 9));
        afnet::generators::frames_from_zero(input);
        afnet::generators::frames_from_zero(output);
    }

    void schedule() { afnet::schedules::schedule(afnet::schedules::ElementwiseLoops{Func(output), c, {x}, {y, f}}, target); }

private:
    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(AvgPool, avg_pool)
