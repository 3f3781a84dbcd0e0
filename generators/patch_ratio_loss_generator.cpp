// The term of the loss that holds a block's ratio of selected patches at its target (AFNET_SPEC §5.1 with RS). The
// ratio is that of a whole batch: of this mask, and of `other_patches` patches of other micro-batches, of which
// `other_selected_patches` are selected.
//
//   mean                    = (other_selected_patches + sum_{i,j,f} patches(i, j, f)) / (I J F + other_patches)
//   value                   = (target - mean)^2
//   d_patches(i, j, f) [+]= weight d value / d patches(i, j, f)        weight: lambda / blocks
//
// With `framed` it is the ratio in the frames that a temporal mask selects, whose patches alone cost anything: both
// sums weigh frame f by frames(f). Where no frame is selected, the value is 0. The temporal mask has no gradient from
// here.
#include "generators/adjoint.h"
#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/stored_stages_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Dtype;

class PatchRatioLoss : public Generator<PatchRatioLoss> {
public:
    GeneratorParam<bool> framed{"framed", false};
    GeneratorParam<bool> accumulate{"accumulate", false};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 3>> patches{"patches"};                   // [i, j, f]
    Input<Buffer<void, 1>> frames{"frames"};                     // [f], read with `framed`
    Input<Buffer<void, 3>> d_patches_before{"d_patches_before"}; // [i, j, f], read with `accumulate`; may be d_patches
    Input<double> target_patch_ratio{"target_patch_ratio"};      // in [0, 1]
    Input<double> patch_weight{"patch_weight"};
    Input<double> other_selected_patches{"other_selected_patches"}, other_patches{"other_patches"};
    Output<Buffer<void, 1>> value{"value"};         // [1]
    Output<Buffer<void, 3>> d_patches{"d_patches"}; // [i, j, f]

    void configure() {
        const Type type = element_type(dtype);
        for (auto *buffer : {&patches, &d_patches_before})
            buffer->set_type(type);
        frames.set_type(type);
        value.set_type(type);
        d_patches.set_type(type);
    }

    void generate() {
        const Type type = element_type(dtype);
        const Expr columns = patches.dim(0).extent(), rows = patches.dim(1).extent(), all = patches.dim(2).extent();
        const Expr one = Internal::make_const(type, 1), zero = Internal::make_zero(type);
        const RDom r(0, columns, 0, rows, 0, all, "r"), frame(0, all, "frame");
        Func selected("selected"), counted("counted"), sum("sum"), loss("loss"), adjoint("adjoint");
        selected(i, j, f) = patches(i, j, f);
        const auto weight_of = [&](const Expr &at) { return framed ? Expr(frames(at)) : one; };
        // Sums of zeroes and ones are exact: micro-batches come to the same mean, however a batch is cut.
        counted(n) = cast(type, other_patches) + (framed ? zero : cast(type, columns * rows * all));
        if (framed) counted(n) += cast(type, columns * rows) * frames(frame);
        sum(n) = cast(type, other_selected_patches);
        sum(n) += weight_of(r.z) * selected(r.x, r.y, r.z);
        const Expr mean = sum(n) / max(counted(0), one);
        const Expr difference = select(counted(0) > zero, cast(type, target_patch_ratio) - mean, zero);
        loss(n) = difference * difference;
        adjoint(n) = cast(type, patch_weight);
        const Derivative d = propagate_adjoints(loss, adjoint, afnet::generators::whole({1}));
        value(n) = loss(n);
        const Expr gradient = d(selected)(i, j, f);
        d_patches(i, j, f) = accumulate ? d_patches_before(i, j, f) + gradient : gradient;
        afnet::generators::frames_from_zero(patches);
        afnet::generators::frames_from_zero(d_patches);
        if (accumulate) afnet::generators::frames_from_zero(d_patches_before);
        if (framed) frames.dim(0).set_min(0);
        value.dim(0).set_bounds(0, 1);
    }

    void schedule() { schedule_cpu(afnet::schedules::StoredStages{{value, d_patches}, {}}, get_target()); }

private:
    Var i{"i"}, j{"j"}, f{"f"}, n{"n"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(PatchRatioLoss, patch_ratio_loss)
