// Sparse training: a focal branch runs forward and backward on the frames that its mask selects. Between the gather and
// the scatter of a block tensors are compact: the first `count` of their frames are the selected ones, and the executor
// shows kernels no others. What belongs to no frame in particular, as gradients of weights, is zero where none is
// selected.
#include <algorithm>

#include "model/training_builder.h"
#include "runtime/error.h"

namespace afnet {

// The work list of a navigation's mask.
void TrainingBuilder::list_frames(const std::string &keys, Selection &selection) {
    const int frames = shape().flat_frames();
    selection.sources = add(keys + ".sources", {3, frames}, Storage::Arena, ElementType::Int32);
    selection.count = add(keys + ".count", {1}, Storage::Arena, ElementType::Int32);
    step(keys + ".work_list", KernelSpec("work_list").set("mask_of_numbers", true),
         {{"mask", selection.deciding_mask()}, {"sources", selection.sources}, {"count", selection.count}})
        .scalars = {{"frames_per_clip", double(shape().frames)}};
}

const Selection *TrainingBuilder::list_of(TensorId tensor) const {
    const auto found = lists_.find(tensor);
    return found == lists_.end() ? nullptr : &found->second;
}

void TrainingBuilder::follow(TensorId tensor, TensorId leader) {
    if (const Selection *list = list_of(leader)) lists_[tensor] = *list;
}

// A step that touches a compact tensor computes the frames that it has.
void TrainingBuilder::govern(Step &step) {
    for (Argument &argument : step.arguments) {
        const Selection *list = list_of(argument.tensor);
        if (!list) continue;
        if (argument.frames == Frames::All) argument.frames = Frames::Selected;
        step.count = list->count;
        step.frames = result_.plan.tensors[size_t(list->sources)].extents[1];
    }
    if (step.count == kNoTensor) return;
    for (Argument &argument : step.arguments) {
        const auto holds_it = [&](const TrainedParameter &p) { return p.gradient == argument.tensor; };
        argument.zeroed = std::any_of(result_.parameters.begin(), result_.parameters.end(), holds_it);
    }
}

// The selected frames of `in`, shifted where the network shifts.
Feature TrainingBuilder::gathered(const std::string &label, const Feature &in, const Selection &selection, int border) {
    const Feature out = feature(label, in.channels, in.width, in.height, border);
    lists_[out.tensor] = selection;
    const auto spec = [&](const char *generator) { return KernelSpec(generator).set("shift", shift()); };
    const Argument sources = {"sources", selection.sources, Frames::Selected};
    step(label, spec("gather_frames"), {{"input", in.tensor}, sources, {"output", out.tensor}});
    record([=, gradient_spec = spec("gather_frames_grad")]() mutable {
        if (!has_gradient(out.tensor)) return;
        const bool before = gradient_written(in.tensor);
        Argument d_input = {"d_input", gradient(in.tensor)};
        Step &gradient_step = step(label + ".gradient", gradient_spec.set("accumulate", before),
                                   {{"d_output", gradient(out.tensor)}, sources, d_input});
        gradient_step.arguments.back().zeroed = !before;
    });
    return out;
}

// The gradient of what went into the activation behind `out`; it takes the place of that of `out`.
TensorId TrainingBuilder::gradient_before(const std::string &label, TensorId out, const std::string &activation) {
    const TensorId d_sum = gradient(out);
    if (activation == "relu") {
        step(label + ".activation_gradient", KernelSpec("relu_grad"),
             {{"output", out}, {"d_output", d_sum}, {"d_input", d_sum}});
    }
    return d_sum;
}

// The gradient of a sum onto the stream is the stream's too, and nothing else asks for it: the stream's other readers
// add to it in place.
void TrainingBuilder::hand_on_gradient(const std::string &label, const Feature &state, TensorId d_sum) {
    if (gradient_written(state.tensor)) throw Error(label + ": the gradient of the stream has been written before");
    gradients_.resize(std::max(gradients_.size(), size_t(state.tensor) + 1), kNoTensor);
    gradients_[size_t(state.tensor)] = d_sum;
}

// `branch` added to the selected frames of `state`, and the activation.
Feature TrainingBuilder::scattered(const std::string &label, const Feature &branch, const Feature &state,
                                   const Selection &selection, const std::string &activation) {
    const Feature out = feature(label, state.channels, state.width, state.height);
    for (const bool selected : {true, false}) {
        Step &store = step(label + (selected ? "" : ".unselected"),
                           KernelSpec("scatter_frames").set("activation", activation).set("add_branch", selected),
                           {{"state", state.tensor},
                            selected ? Argument{"branch", branch.tensor} : unread("branch", state.tensor),
                            {"sources", selection.sources, selected ? Frames::Selected : Frames::Unselected},
                            {"output", out.tensor}});
        store.count = selection.count;
    }
    record([=] {
        if (!has_gradient(out.tensor)) return;
        const TensorId d_sum = gradient_before(label, out.tensor, activation);
        gradient_written(branch.tensor);
        const TensorId worth = numbers(label + ".worth", {shape().flat_frames()});
        follow(worth, branch.tensor);
        step(label + ".gradient", KernelSpec("scatter_frames_grad"),
             {{"d_sum", d_sum},
              {"branch", branch.tensor},
              {"sources", selection.sources, Frames::Selected},
              {"d_branch", gradient(branch.tensor)},
              {"worth", worth}});
        // Forced masks have no gradient.
        if (selection.forced == kNoTensor) mask_gradient(label + ".mask_gradient", selection, worth);
        hand_on_gradient(label, state, d_sum);
    });
    return out;
}

// The gradient of unselected frames' masks is estimated as this share of the mean worth of their clip's selected
// frames. 0 told key frames from others best (docs/training.md).
constexpr double kUnselectedShare = 0;

void TrainingBuilder::mask_gradient(const std::string &label, const Selection &selection, TensorId worth) {
    add_part(label, selection.mask, [&](TensorId d_mask) {
        Step &estimate =
            step(label, KernelSpec("selection_grad"),
                 {{"worth", worth}, {"sources", selection.sources}, {"count", selection.count}, {"d_mask", d_mask}});
        estimate.scalars = {{"frames_per_clip", double(shape().frames)}, {"share", kUnselectedShare}};
        // It goes over all frames, and runs where none is selected.
        estimate.count = kNoTensor;
        estimate.arguments.front().frames = Frames::All;
    });
}

} // namespace afnet
