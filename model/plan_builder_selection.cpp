// The part of the vocabulary that AFNet adds to convolutional networks: which frames are selected, what becomes of the
// others, and how both branches are fused.
#include "model/packing.h"
#include "model/plan_builder.h"

namespace afnet {

Selection PlanBuilder::navigate(const std::string &keys, const std::string &block, const Feature &ample) {
    const int channels = ample.channels, frames = shape().flat_frames(), t = shape().frames;
    need(keys + ".conv_pool.weight", {2, channels, 1, 1});
    for (const char *name : {".weight", ".bias", ".running_mean", ".running_var"}) need(keys + ".bn" + name, {2});
    need(keys + ".conv_gs.weight", {2 * t, 2, 1, 1});
    need(keys + ".conv_gs.bias", {2 * t});

    const auto tensor = [&](const char *name, ElementType type, std::vector<int> extents, Storage storage) {
        TensorInfo info;
        info.name = keys + "." + name;
        info.type = type;
        info.extents = std::move(extents);
        info.storage = storage;
        return network_.plan.add(info);
    };
    Selection s;
    s.name = block;
    s.soft = shape().soft_masks;
    s.logits = tensor("logits", ElementType::Float32, {2, frames}, Storage::Kept);
    s.uniform = tensor("uniform", ElementType::Float32, {2, frames}, Storage::Input);
    s.mask = tensor("mask", s.soft ? ElementType::Float32 : ElementType::Int32, {frames}, Storage::Kept);
    if (!s.soft) {
        s.sources = tensor("sources", ElementType::Int32, {3, frames}, Storage::Arena);
        s.count = tensor("count", ElementType::Int32, {1}, Storage::Kept);
    }
    if (shape().forced_masks) s.forced = tensor("forced_mask", ElementType::Int32, {frames}, Storage::Input);
    const TensorId pool_weights = constant(keys + ".pool_weights"), pool_bias = constant(keys + ".pool_bias");
    const TensorId gate_weights = constant(keys + ".gate_weights"), gate_bias = constant(keys + ".gate_bias");

    const TensorId pooled = spatial_mean(keys + ".pool", ample);
    KernelSpec kernel("navigation");
    if (s.soft) kernel.set("soft", true);
    Step &gate = add_step(keys, std::move(kernel), nullptr);
    gate.arguments = {{"pooled", pooled},          {"pool_weights", pool_weights}, {"pool_bias", pool_bias},
                      {"gate_weights", gate_weights}, {"gate_bias", gate_bias},       {"uniform", s.uniform},
                      {"logits", s.logits},        {"mask", s.mask}};
    gate.scalars = {{"stochastic", shape().gumbel_noise ? 1.0 : 0.0}};
    gate.macs = 2.0 * channels + 4;
    pack(pool_weights, [keys, channels](const Weights &w, const KernelEntry &) {
        return PackedConstant{{channels, 2}, folded_weights(w, keys + ".conv_pool", keys + ".bn", 2, channels, 1)};
    });
    pack(pool_bias, [keys](const Weights &w, const KernelEntry &) {
        return PackedConstant{{2}, folded_bias(w, keys + ".bn", 2)};
    });
    // PyTorch's [2 t + k][j] is [j, k, t] innermost first.
    pack(gate_weights, [keys, t](const Weights &w, const KernelEntry &) {
        return PackedConstant{{2, 2, t}, w({keys + ".conv_gs.weight", {2 * t, 2, 1, 1}})};
    });
    pack(gate_bias, [keys, t](const Weights &w, const KernelEntry &) {
        return PackedConstant{{2, t}, w({keys + ".conv_gs.bias", {2 * t}})};
    });

    network_.selections.push_back(s);
    if (s.soft) return s;
    list_selected(s, keys + ".work_list");
    return s;
}

void PlanBuilder::list_selected(const Selection &selection, const std::string &label) {
    Step &list = add_step(label, KernelSpec("work_list"), nullptr);
    list.arguments = {
        {"mask", selection.deciding_mask()}, {"sources", selection.sources}, {"count", selection.count}};
    list.scalars = {{"frames_per_clip", double(shape().frames)}};
}

Selection PlanBuilder::forced_selection(const std::string &block) {
    const int frames = shape().flat_frames();
    Selection s;
    s.name = block;
    s.forced = integers(block + ".forced_mask", {frames}, Storage::Input);
    s.sources = integers(block + ".sources", {3, frames});
    s.count = integers(block + ".count", {1});
    list_selected(s, block + ".work_list");
    network_.selections.push_back(s);
    return s;
}

TensorId PlanBuilder::unselected_residual(const FocalBlock &block) {
    if (shape().unselected == Unselected::Masked) return constant(block.key + ".zero_response");
    TensorInfo info;
    info.name = block.key + ".zero_residual";
    info.type = element_type();
    info.extents = {block.channels, 1, 1, 1};
    info.storage = Storage::Input;
    return network_.plan.add(info);
}

// Without F(0) and without an activation unselected frames need no finish.
void PlanBuilder::finish_rejected(FocalBlock &block) {
    const bool adds = shape().unselected == Unselected::Masked;
    if (!block.selection || block.selection->soft || (!adds && block.activation == "linear")) return;
    block.residual = unselected_residual(block);
    block.finished = true;
}

Feature PlanBuilder::focal(FocalBlock &block, const Feature &in, const Feature &state, const FocalBranch &branch) {
    // A block follows the last navigation in front of it.
    if (block.selection || block.patches) network_.blocks.push_back({block.key, int(network_.selections.size()) - 1});
    if (block.patches) return spatial_focal(block, in, state, branch);
    const size_t first_constant = network_.constants.size();
    const Feature out = branch(*this, in, state, block.selection, block.activation);
    if (!block.selection || block.selection->soft || shape().unselected == Unselected::Skipped) return out;
    answer_unselected(block, in, state, first_constant, branch);
    return out;
}

// Unselected frames get F(0) of the branch, whose first constant in this builder is `first_constant`: from the
// projection before it, the fusion behind it, or a step of its own.
void PlanBuilder::answer_unselected(FocalBlock &block, const Feature &in, const Feature &state, size_t first_constant,
                                    const FocalBranch &branch) {
    if (!block.finished) block.residual = unselected_residual(block);
    compute_zero_response(block, in.channels, state, first_constant, branch);
    if (!block.finished && block.fused_next && block.activation == "linear" && !shape().taps) {
        unfinished_[state.tensor] = {block.residual, block.selection->deciding_mask(), block.kernel};
    } else if (!block.finished) {
        fill_unselected(block, state);
    }
}

// Describes how `block.residual` is made: F(0) of the branch whose first constant in this builder is `first_constant`.
void PlanBuilder::compute_zero_response(const FocalBlock &block, int in_channels, const Feature &state,
                                        size_t first_constant, const FocalBranch &branch) {
    RunShape single = shape();
    single.frames = single.clips = 1;
    PlanBuilder inner(shift(), single);
    Plan &plan = inner.network_.plan;
    // Inputs start as zeroes: the frame, where the response is added to, and a list that names frame 0 throughout.
    const auto zeroes = [&](const char *name, ElementType type, std::vector<int> extents) {
        TensorInfo info;
        info.name = block.key + "." + name;
        info.type = type;
        info.extents = std::move(extents);
        info.storage = Storage::Input;
        return plan.add(info);
    };
    const Feature in = {zeroes("zero", inner.element_type(), {in_channels, state.width, state.height, 1}), in_channels,
                        state.width, state.height};
    const Feature onto = {zeroes("response", inner.element_type(), {state.channels, state.width, state.height, 1}),
                          state.channels, state.width, state.height};
    Selection selection;
    selection.sources = zeroes("sources", ElementType::Int32, {3, 1});
    selection.count = zeroes("count", ElementType::Int32, {1});
    branch(inner, in, onto, &selection, "linear");

    ZeroResponse response;
    response.constant = block.residual;
    response.kernel = block.kernel;
    response.count = selection.count;
    response.result = onto.tensor;
    response.constants = std::move(inner.network_.constants);
    for (size_t i = 0; i < response.constants.size(); i++) response.originals.push_back(first_constant + i);
    response.plan = std::move(plan);
    network_.zero_responses.push_back(std::move(response));
}

// What the focal branch leaves on unselected frames, in place.
void PlanBuilder::fill_unselected(const FocalBlock &block, const Feature &state) {
    const KernelSpec spec =
        KernelSpec("fill_unselected").set("kernel", block.kernel).set("activation", block.activation);
    Step &step = add_step(block.key + ".unselected", on_features(spec), block.selection);
    step.arguments = {{"state", state.tensor},
                      {"residual", block.residual},
                      {"sources", block.selection->sources, Frames::Unselected},
                      {"output", state.tensor}};
}

Feature PlanBuilder::fuse(const std::string &label, const Feature &ample, const Feature &focal, TensorId theta,
                          const std::string &activation) {
    const bool owed = owed_.count(focal.tensor) > 0;
    KernelSpec kernel(owed ? "fuse_owed_branches" : "fuse_branches");
    Step &step = add_step(label, on_features(kernel.set("activation", activation)), nullptr);
    step.arguments = {
        {"ample", ample.tensor}, {"focal", focal.tensor}, {"theta", theta}, {"output", focal.tensor}};
    add_unfinished(focal.tensor, step);
    unfinished_.erase(focal.tensor);
    if (owed) add_owed(focal, step);
    owed_.erase(focal.tensor);
    return focal;
}

// Has a step that reads all frames of a stream add what the block before it owes to the unselected ones.
void PlanBuilder::add_unfinished(TensorId stream, Step &step) {
    const auto found = unfinished_.find(stream);
    if (found == unfinished_.end()) return;
    step.kernel.set("response", found->second.kernel);
    step.arguments.push_back({"residual", found->second.residual});
    step.arguments.push_back({"mask", found->second.mask});
}

}  // namespace afnet
