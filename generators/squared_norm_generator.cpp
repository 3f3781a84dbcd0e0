// The squared Euclidean norm of a gradient, summed in double in a fixed order: any target and number of threads gives
// the same bits.
//
//   norm(0) = sum_i gradient(i)^2
#include "generators/dtype.h"
#include "schedules/parameter_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Dtype;

constexpr int kLanes = 16, kBlock = 4096;

class SquaredNorm : public Generator<SquaredNorm> {
public:
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 1>> gradient{"gradient"}; // [n]
    Output<Buffer<double, 1>> norm{"norm"};      // [1]

    void configure() { gradient.set_type(element_type(dtype)); }

    void generate() {
        const Expr n = gradient.dim(0).extent();
        const Func padded =
            BoundaryConditions::constant_exterior(gradient, Internal::make_const(element_type(dtype), 0), {{0, n}});
        element = RDom(0, kBlock / kLanes, "element");
        const Expr value = cast<double>(padded(block * kBlock + element * kLanes + lane));
        partials(lane, block) = cast<double>(0);
        // Rounded once for the product and once for the sum, on every target.
        partials(lane, block) = strict_float(partials(lane, block) + strict_float(value * value));
        const RDom all(0, kLanes, 0, (n + kBlock - 1) / kBlock, "all");
        total() = cast<double>(0);
        total() += partials(all.x, all.y);
        norm(i) = total();
        gradient.dim(0).set_min(0);
        norm.dim(0).set_bounds(0, 1);
        partials.bound(lane, 0, kLanes);
    }

    void schedule() { schedule_cpu(afnet::schedules::BlockedSum{partials, element.x, total}, target); }

private:
    Var i{"i"}, lane{"lane"}, block{"block"};
    Func partials{"partials"}, total{"total"};
    RDom element;
};

} // namespace

HALIDE_REGISTER_GENERATOR(SquaredNorm, squared_norm)
