// The term of the loss that holds a block's ratio of selected frames at its target (AFNET_SPEC §5.1). The ratio is that
// of a whole batch: of this mask's F frames, and of `other_frames` frames of other micro-batches, of which
// `other_selected` are selected.
//
//   mean          = (other_selected + sum_f mask(f)) / (F + other_frames)
//   value         = (target - mean)^2
//   d_mask(f) [+]= weight d value / d mask(f) = weight 2 (mean - target) / (F + other_frames)    weight: lambda / blocks
#include "generators/adjoint.h"
#include "generators/dtype.h"
#include "schedules/stored_stages_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Dtype;

class RatioLoss : public Generator<RatioLoss> {
public:
    GeneratorParam<bool> accumulate{"accumulate", false};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 1>> mask{"mask"};                   // [f]
    Input<Buffer<void, 1>> d_mask_before{"d_mask_before"}; // [f], read with `accumulate`; may be d_mask
    Input<double> target_ratio{"target_ratio"};            // in [0, 1]
    Input<double> weight{"weight"};
    Input<double> other_selected{"other_selected"}, other_frames{"other_frames"};
    Output<Buffer<void, 1>> value{"value"};   // [1]
    Output<Buffer<void, 1>> d_mask{"d_mask"}; // [f]

    void configure() {
        for (auto *buffer : {&mask, &d_mask_before})
            buffer->set_type(element_type(dtype));
        for (auto *buffer : {&value, &d_mask})
            buffer->set_type(element_type(dtype));
    }

    void generate() {
        const Type type = element_type(dtype);
        const Expr frames = mask.dim(0).extent();
        const RDom r(0, frames, "r");
        Func selected("selected"), sum("sum"), loss("loss"), adjoint("adjoint");
        selected(f) = mask(f);
        // Sums of zeroes and ones are exact: micro-batches come to the same mean, however a batch is cut.
        sum(i) = cast(type, other_selected);
        sum(i) += selected(r);
        const Expr difference = cast(type, target_ratio) - sum(i) / cast(type, frames + other_frames);
        loss(i) = difference * difference;
        adjoint(i) = cast(type, weight);
        const Derivative d = propagate_adjoints(loss, adjoint, afnet::generators::whole({1}));
        value(i) = loss(i);
        d_mask(f) = accumulate ? d_mask_before(f) + d(selected)(f) : d(selected)(f);
        mask.dim(0).set_min(0);
        value.dim(0).set_bounds(0, 1);
        d_mask.dim(0).set_min(0);
        if (accumulate) d_mask_before.dim(0).set_min(0);
    }

    void schedule() { schedule_cpu(afnet::schedules::StoredStages{{value, d_mask}, {}}, get_target()); }

private:
    Var f{"f"}, i{"i"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(RatioLoss, ratio_loss)
