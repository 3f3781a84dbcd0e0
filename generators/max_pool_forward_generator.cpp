// Max pooling, 3x3, stride 2, padding 1, and which of a window's elements won: the first of the largest, in row-major
// order, as in PyTorch. Padding never wins; a NaN does not either.
//
//   output(c, x, y, f) = max_{u,v in 0..2} input(c, 2 x + u - 1, 2 y + v - 1, f)        index = 3 v + u of the first
#include <limits>

#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/elementwise_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Dtype;

class MaxPoolForward : public Generator<MaxPoolForward> {
public:
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 4>> input{"input"};     // [c, x, y, f]
    Output<Buffer<void, 4>> output{"output"};  // [c, (x + 1) / 2, (y + 1) / 2, f]
    Output<Buffer<uint8_t, 4>> index{"index"}; // [c, (x + 1) / 2, (y + 1) / 2, f]

    void configure() {
        input.set_type(element_type(dtype));
        output.set_type(element_type(dtype));
    }

    void generate() {
        const Expr nothing = Internal::make_const(element_type(dtype), -std::numeric_limits<double>::infinity());
        const Func padded = BoundaryConditions::constant_exterior(
            input, nothing,
            {{Expr(), Expr()}, {0, input.dim(1).extent()}, {0, input.dim(2).extent()}, {Expr(), Expr()}});
        Expr best = nothing, winner = cast<uint8_t>(select(x == 0, 1, 0) + select(y == 0, 3, 0));
        for (int k = 0; k < 9; k++) {
            const Expr element = padded(c, 2 * x + k % 3 - 1, 2 * y + k / 3 - 1, f), larger = element > best;
            winner = select(larger, cast<uint8_t>(k), winner);
            best = select(larger, element, best);
        }
        pooled(c, x, y, f) = Tuple(best, winner);
        output(c, x, y, f) = pooled(c, x, y, f)[0];
        index(c, x, y, f) = pooled(c, x, y, f)[1];
        afnet::generators::frames_from_zero(input);
        afnet::generators::frames_from_zero(output);
        for (int d = 0; d < 4; d++)
            index.dim(d).set_bounds(0, output.dim(d).extent());
    }

    void schedule() { schedule_cpu(afnet::schedules::JointOutputs{pooled, {output, index}, c, x, y, f}, target); }

private:
    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
    Func pooled{"pooled"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(MaxPoolForward, max_pool_forward)
