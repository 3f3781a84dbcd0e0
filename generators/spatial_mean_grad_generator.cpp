// Gradient of the mean over all pixels (AFNET_SPEC §2.5, §2.8): every pixel gets its share of the mean's.
//
//   d_input(c, x, y, f) [+]= share(x, y) d_output(c, f),   share = 1 / (W H)
//
// With `coarse`, the input is the low-resolution tensor that the mean adds after enlarging it to fine_width x
// fine_height pixels by nearest neighbour: share(x, y) = (fine pixels that read (x, y)) / (fine_width fine_height).
#include "generators/adjoint.h"
#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/elementwise_schedule.h"
#include "schedules/stored_stages_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Derivation;
using afnet::generators::Dtype;

class SpatialMeanGrad : public Generator<SpatialMeanGrad> {
public:
    GeneratorParam<bool> coarse{"coarse", false};
    GeneratorParam<bool> accumulate{"accumulate", false};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};
    GeneratorParam<Derivation> derivation{"derivation", Derivation::Closed, afnet::generators::derivation_names()};

    Input<Buffer<void, 2>> d_output{"d_output"};             // [c, f]
    Input<Buffer<void, 4>> d_input_before{"d_input_before"}; // [c, x, y, f], read with `accumulate`; may be d_input
    Input<int32_t> fine_width{"fine_width"};                 // read with `coarse`
    Input<int32_t> fine_height{"fine_height"};
    Output<Buffer<void, 4>> d_input{"d_input"}; // [c, x, y, f]

    void configure() {
        d_output.set_type(element_type(dtype));
        d_input_before.set_type(element_type(dtype));
        d_input.set_type(element_type(dtype));
    }

    void generate() {
        const Expr gradient = derivation == Derivation::Closed ? closed() : adjoint();
        d_input(c, x, y, f) = accumulate ? d_input_before(c, x, y, f) + gradient : gradient;
        afnet::generators::frames_from_zero(d_output);
        afnet::generators::frames_from_zero(d_input);
        if (accumulate) afnet::generators::frames_from_zero(d_input_before);
    }

    void schedule() {
        if (derivation == Derivation::Adjoint) schedule_cpu(afnet::schedules::StoredStages{{d_input}, {}}, target);
        schedule_cpu(afnet::schedules::ElementwiseLoops{Func(d_input), c, {x}, {y, f}}, target);
    }

private:
    // The size that the mean is taken over.
    Expr fine(int dimension) {
        if (!coarse) return d_input.dim(dimension).extent();
        return dimension == 1 ? Expr(fine_width) : Expr(fine_height);
    }

    Expr closed() {
        const Expr pixels = cast(element_type(dtype), fine(1) * fine(2));
        if (!coarse) return d_output(c, f) / pixels;
        // Pixel i of the fine size reads floor(i n / N): those with i n in [X N, (X + 1) N).
        const auto readers = [&](Expr i, int dimension) {
            const Expr n = d_input.dim(dimension).extent();
            const auto first = [&](Expr X) { return (X * fine(dimension) + n - 1) / n; };
            return first(i + 1) - first(i);
        };
        return d_output(c, f) * cast(element_type(dtype), readers(x, 1) * readers(y, 2)) / pixels;
    }

    Expr adjoint() {
        Func source("source"), mean("mean"), adjoint("adjoint");
        const Expr width = fine(1), height = fine(2);
        const RDom r(0, width, 0, height, "r");
        source(c, x, y, f) = Internal::make_zero(element_type(dtype));
        mean(c, f) = Internal::make_zero(element_type(dtype));
        mean(c, f) += source(c, coarse ? r.x * d_input.dim(1).extent() / width : Expr(r.x),
                             coarse ? r.y * d_input.dim(2).extent() / height : Expr(r.y), f) /
                      cast(element_type(dtype), width * height);
        adjoint(c, f) = d_output(c, f);
        const Derivative d = propagate_adjoints(
            mean, adjoint, afnet::generators::whole({d_output.dim(0).extent(), d_output.dim(1).extent()}));
        return d(source)(c, x, y, f);
    }

    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(SpatialMeanGrad, spatial_mean_grad)
