// Gradients of the fusion of both branches (generators/fuse_branches_generator.cpp; AFNET_SPEC §2.3, §2.8). The ample
// branch has half the columns and rows, rounded up: fine pixel (x, y) reads coarse pixel (x / 2, y / 2).
//
//   g(c, x, y, f)       = act'(c, x, y, f) d_output(c, x, y, f)
//   d_focal(c, x, y, f) = (1 - theta(c, f)) g(c, x, y, f)
//   d_ample(c, X, Y, f) = theta(c, f) sum of g over the up to four pixels that read (X, Y)
//   d_theta(c, f)       = sum_{x,y} g(c, x, y, f) (ample(c, x / 2, y / 2, f) - focal(c, x, y, f))
//
// The closed form takes act' from the output and goes over the maps once: each coarse row, and its two fine rows, is a
// task that writes both gradients and one partial sum of d_theta. Partial sums are added in the order of the rows.
#include "generators/activation_gradient.h"
#include "generators/adjoint.h"
#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/map_gradient_schedule.h"
#include "schedules/stored_stages_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;
using afnet::generators::Derivation;
using afnet::generators::Dtype;

class FuseBranchesGrad : public Generator<FuseBranchesGrad> {
public:
    GeneratorParam<Activation> activation{"activation", Activation::Relu, afnet::generators::activation_names()};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};
    GeneratorParam<Derivation> derivation{"derivation", Derivation::Closed, afnet::generators::derivation_names()};

    Input<Buffer<void, 4>> ample{"ample"};       // [c, x / 2, y / 2, f]
    Input<Buffer<void, 4>> focal{"focal"};       // [c, x, y, f]
    Input<Buffer<void, 2>> theta{"theta"};       // [c, f]
    Input<Buffer<void, 4>> output{"output"};     // [c, x, y, f], read unless linear
    Input<Buffer<void, 4>> d_output{"d_output"}; // [c, x, y, f]
    Output<Buffer<void, 4>> d_ample{"d_ample"};  // [c, x / 2, y / 2, f]
    Output<Buffer<void, 4>> d_focal{"d_focal"};  // [c, x, y, f]
    Output<Buffer<void, 2>> d_theta{"d_theta"};  // [c, f]

    void configure() {
        for (auto *map : {&ample, &focal, &output, &d_output})
            map->set_type(element_type(dtype));
        theta.set_type(element_type(dtype));
        for (auto *map : {&d_ample, &d_focal})
            map->set_type(element_type(dtype));
        d_theta.set_type(element_type(dtype));
    }

    void generate() {
        derivation == Derivation::Closed ? closed() : adjoint();
        for (auto *map : {&ample, &focal, &d_output})
            afnet::generators::frames_from_zero(*map);
        if (activation != Activation::Linear) afnet::generators::frames_from_zero(output);
        for (auto *map : {&d_ample, &d_focal})
            afnet::generators::frames_from_zero(*map);
        afnet::generators::frames_from_zero(theta);
        afnet::generators::frames_from_zero(d_theta);
        for (int d : {1, 2}) {
            const Expr halved = (d_output.dim(d).extent() + 1) / 2;
            add_requirement(ample.dim(d).extent() == halved && d_ample.dim(d).extent() == halved,
                            "the ample branch has half the pixels");
        }
    }

    void schedule() {
        if (derivation == Derivation::Adjoint) {
            schedule_cpu(afnet::schedules::StoredStages{{d_ample, d_focal, d_theta}, {}}, target);
            return;
        }
        schedule_cpu(
            afnet::schedules::MapGradient{d_focal, y, 2, {d_ample}, row_sum, d_theta, c, x, row, f, r.x, rows.x},
            target);
    }

private:
    void closed() {
        const Type type = element_type(dtype);
        const Expr width = d_output.dim(1).extent(), height = d_output.dim(2).extent();
        Func gradient("gradient");
        gradient(c, x, y, f) = d_output(c, x, y, f) * slope_from_output(activation, output(c, x, y, f));
        d_focal(c, x, y, f) = (Internal::make_one(type) - theta(c, f)) * gradient(c, x, y, f);
        // The sum over those of four pixels that exist of value(x, y).
        const auto over_readers = [&](const Expr &X, const auto &value) {
            Expr sum = Internal::make_zero(type);
            for (int v : {0, 1}) {
                for (int u : {0, 1}) {
                    const Expr i = 2 * X + u, j = 2 * row + v;
                    const Expr term = value(min(i, width - 1), min(j, height - 1));
                    sum += u + v == 0 ? term : select(i < width && j < height, term, Internal::make_zero(type));
                }
            }
            return sum;
        };
        d_ample(c, x, row, f) = theta(c, f) * over_readers(x, [&](Expr i, Expr j) { return gradient(c, i, j, f); });
        r = RDom(0, ample.dim(1).extent(), "r");
        row_sum(c, row, f) = Internal::make_zero(type);
        row_sum(c, row, f) += over_readers(
            r.x, [&](Expr i, Expr j) { return gradient(c, i, j, f) * (ample(c, r.x, row, f) - focal(c, i, j, f)); });
        rows = RDom(0, ample.dim(2).extent(), "rows");
        d_theta(c, f) = Internal::make_zero(type);
        d_theta(c, f) += row_sum(c, rows.x, f);
    }

    void adjoint() {
        Func coarse("coarse"), fine("fine"), gate("gate"), fused("fused");
        const Func ample_padded = BoundaryConditions::repeat_edge(ample),
                   focal_padded = BoundaryConditions::repeat_edge(focal);
        coarse(c, x, y, f) = ample_padded(c, x, y, f);
        fine(c, x, y, f) = focal_padded(c, x, y, f);
        gate(c, f) = theta(c, f);
        fused(c, x, y, f) = differentiable_activation(
            activation, gate(c, f) * coarse(c, x / 2, y / 2, f) +
                            (Internal::make_one(element_type(dtype)) - gate(c, f)) * fine(c, x, y, f));
        const Func adjoint = BoundaryConditions::constant_exterior(d_output, Internal::make_zero(element_type(dtype)));
        const Derivative d =
            propagate_adjoints(fused, adjoint,
                               afnet::generators::whole({d_output.dim(0).extent(), d_output.dim(1).extent(),
                                                         d_output.dim(2).extent(), d_output.dim(3).extent()}));
        d_ample(c, x, y, f) = d(coarse)(c, x, y, f);
        d_focal(c, x, y, f) = d(fine)(c, x, y, f);
        d_theta(c, f) = d(gate)(c, f);
    }

    Var c{"c"}, x{"x"}, y{"y"}, row{"row"}, f{"f"};
    Func row_sum{"row_sum"};
    RDom r, rows;
};

} // namespace

HALIDE_REGISTER_GENERATOR(FuseBranchesGrad, fuse_branches_grad)
