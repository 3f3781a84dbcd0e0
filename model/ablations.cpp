// What the ablations of AFNet need beside its own vocabulary, to infer and to train (AFNET_SPEC §11; docs/training.md).
#include "model/plan_builder.h"
#include "model/training_builder.h"
#include "runtime/error.h"

namespace afnet {

Feature PlanBuilder::weighted(const std::string &label, const Feature &in, const Selection &selection) {
    if (shape().dtype != Dtype::F32) {
        throw Error(label + ": soft weights run in f32 only, not in " + dtype_name(shape().dtype));
    }
    const Feature out = feature(label, in.channels, in.width, in.height);
    Step &step = add_step(label, KernelSpec("temporal_shift").set("shift", shift()).set("masked", true), nullptr);
    step.arguments = {{"input", in.tensor}, {"mask", selection.mask}, {"output", out.tensor}};
    step.scalars = {{"frames_per_clip", double(shape().frames)}};
    return out;
}

Feature TrainingBuilder::weighted(const std::string &label, const Feature &in, const Selection &selection) {
    return shifted(label, in, shift(), &selection, 0);
}

Feature PlanBuilder::add_branches(const std::string &label, const Feature &ample, const Feature &focal,
                                  const std::string &activation) {
    Step &step = add_step(label, on_features(KernelSpec("add_branches").set("activation", activation)), nullptr);
    step.arguments = {{"ample", ample.tensor}, {"focal", focal.tensor}, {"output", focal.tensor}};
    return focal;
}

Feature TrainingBuilder::add_branches(const std::string &label, const Feature &ample, const Feature &focal,
                                      const std::string &activation) {
    const Feature out = feature(label, focal.channels, focal.width, focal.height);
    step(label, KernelSpec("add_branches").set("activation", activation),
         {{"ample", ample.tensor}, {"focal", focal.tensor}, {"output", out.tensor}});
    record([=] {
        if (!has_gradient(out.tensor)) return;
        // Nothing reads the branches after this: these gradients are the first.
        for (TensorId id : {ample.tensor, focal.tensor})
            gradient_written(id);
        step(label + ".gradient", KernelSpec("add_branches_grad").set("activation", activation),
             {{"output", out.tensor},
              {"d_output", gradient(out.tensor)},
              {"d_ample", gradient(ample.tensor)},
              {"d_focal", gradient(focal.tensor)}});
    });
    return out;
}

} // namespace afnet
