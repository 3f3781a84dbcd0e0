// What a focal block with a spatial mask leaves on pixels that it does not compute (docs/spatial.md): not at once, but
// when a later block or the fusion reads them (generators/owed_responses.h).
#include <limits>

#include "model/folded_layer.h"
#include "model/packing.h"
#include "model/plan_builder.h"

namespace afnet {

namespace {

// The responses from each block of a module to its last as one step, value = max(state + addend, floor), after an entry
// for nothing: [c, (addend, floor), j].
PackedConstant composed_responses(const Weights &weights, const std::vector<RejectedResponse> &responses,
                                  int channels) {
    const size_t c_count = size_t(channels), entries = responses.size() + 1;
    PackedConstant packed{{channels, 2, int(entries)}, std::vector<float>(2 * c_count * entries)};
    std::vector<std::vector<float>> biases;
    for (const RejectedResponse &response : responses)
        biases.push_back(response.bias ? response.bias(weights) : std::vector<float>(c_count, 0.0f));
    for (size_t j = 0; j < entries; j++) {
        float *addend = &packed.elements[2 * c_count * j], *floor = addend + c_count;
        for (size_t c = 0; c < c_count; c++) {
            addend[c] = 0;
            floor[c] = std::numeric_limits<float>::lowest();
            for (size_t i = j; j > 0 && i <= responses.size(); i++) {
                addend[c] += biases[i - 1][c];
                floor[c] += biases[i - 1][c];
                if (responses[i - 1].relu) floor[c] = std::max(floor[c], 0.0f);
            }
        }
    }
    return packed;
}

} // namespace

// Of blocks with a spatial mask: what conv3 leaves where it reads zeroes, its bias. Skipped pixels get what the
// shortcut's projection lacks, the activation.
void PlanBuilder::note_rejected(const ConvLayer &layer) {
    const bool masked = shape().unselected == Unselected::Masked, relu = layer.activation == "relu";
    rejected_ = {};
    if (masked) rejected_.bias = reading_bias(layer);
    rejected_.relu = relu && (masked || projected_);
}

// Eighths of channels belong to different readers with TSM. On GPUs all is paid at once.
int PlanBuilder::owed_groups(const Feature &stream) const {
    return shift() && !shape().on_gpu && stream.channels % 8 == 0 ? 8 : 1;
}

std::vector<Argument> PlanBuilder::patch_decision(const FocalBlock &block, const PatchLists &lists) const {
    return {{"patches", lists.mask},
            {"frames", block.selection ? block.selection->deciding_mask() : network_.ones},
            {"whole", lists.whole.count}};
}

TensorId PlanBuilder::responses_of(const Owed &owed, int channels, const std::string &label) {
    const TensorId responses = constant(label + ".responses");
    pack(responses, [list = owed.responses, channels](const Weights &w, const KernelEntry &) {
        return composed_responses(w, list, channels);
    });
    return responses;
}

// Before the block reads them, pixels get what blocks before it owe them.
void PlanBuilder::settle_read_patches(const FocalBlock &block, const Feature &stream, const PatchLists &lists) {
    const auto found = owed_.find(stream.tensor);
    if (found == owed_.end()) return;
    Step &step = settle_step(block.key + ".settle", stream, found->second, false);
    for (Argument &argument : patch_decision(block, lists))
        step.arguments.push_back(std::move(argument));
    step.scalars = {{"frames_per_clip", double(shape().frames)}};
}

// For readers that want all of the stream.
void PlanBuilder::settle_all_patches(const Feature &stream, const std::string &label) {
    const auto found = owed_.find(stream.tensor);
    if (found == owed_.end()) return;
    settle_step(label + ".settle_all", stream, found->second, true);
    owed_.erase(found);
}

Step &PlanBuilder::settle_step(const std::string &label, const Feature &stream, const Owed &owed, bool all) {
    const int groups = owed_groups(stream);
    Step &step = add_step(label, KernelSpec("settle_patches").set("shift", groups > 1).set("all", all), nullptr);
    const TensorId responses = responses_of(owed, stream.channels, label);
    step.arguments = {{"state", stream.tensor, Frames::All, groups},
                      {"owed", owed.patches},
                      {"responses", responses, Frames::All, groups},
                      {"output", stream.tensor, Frames::All, groups}};
    return step;
}

// Behind the block: notes what its rejected pixels are owed. Who does not know of debts gets a settled stream.
void PlanBuilder::owe_patches(const FocalBlock &block, const Feature &stream, const PatchLists &lists) {
    if (payment_) {
        const auto make = [bias = rejected_.bias](const Weights &w, const KernelEntry &) {
            std::vector<float> elements = bias(w);
            const int channels = int(elements.size());
            return PackedConstant{{channels}, std::move(elements)};
        };
        network_.constants.push_back({payment_->rejected, payment_->step, make});
        payment_.reset();
        return;
    }
    const bool owes = rejected_.bias || rejected_.relu;
    const auto found = owed_.find(stream.tensor);
    if (!owes && found == owed_.end()) return;
    Owed owed = found == owed_.end() ? Owed{} : found->second;
    if (owes) owed.responses.push_back(rejected_);

    const bool parts = owed_groups(stream) > 1;
    const std::vector<int> &grid = network_.plan.tensors[size_t(lists.mask)].extents;
    const std::vector<int> extents = {grid[0], grid[1], parts ? 3 : 1, shape().flat_frames()};
    const TensorId before =
        found == owed_.end()
            ? unused_list(nothing_owed_.try_emplace(extents, kNoTensor).first->second, "nothing_owed", extents)
            : owed.patches;
    owed.patches = integers(block.key + ".owed", extents);
    Step &step = add_step(block.key + ".owe", KernelSpec("owe_patches").set("shift", parts), nullptr);
    step.arguments = {{"before", before}, {"output", owed.patches}};
    for (Argument &argument : patch_decision(block, lists))
        step.arguments.push_back(std::move(argument));
    step.scalars = {{"response", owes ? double(owed.responses.size()) : 0.0},
                    {"frames_per_clip", double(shape().frames)}};
    owed_[stream.tensor] = std::move(owed);

    // Taps look at streams between blocks; eighths that are no whole number of channels are not told apart.
    const bool apart = owed_groups(stream) > 1 || !shift();
    if (shape().taps || shape().on_gpu || !apart || !(block.focal_next || block.fused_next))
        settle_all_patches(stream, block.key);
}

// Has a step that reads the whole stream, and sees channels by their eighths, pay what the stream is owed.
void PlanBuilder::add_owed(const Feature &stream, Step &step) {
    const Owed &owed = owed_.at(stream.tensor);
    const int groups = owed_groups(stream);
    step.kernel.set("shift", groups > 1);
    for (Argument &argument : step.arguments) {
        if (argument.name != "mask") argument.groups = groups;
    }
    step.arguments.push_back({"owed", owed.patches});
    step.arguments.push_back({"responses", responses_of(owed, stream.channels, step.label), Frames::All, groups});
}

// Where the projection knows which patches its block computes, it stores what the others get along with the rest: no
// block has to come back to them.
bool PlanBuilder::pays_rejected_patches(const FocalBlock &block, const ConvLayer &projection) const {
    const bool plain = projection.kernel == 1 && projection.stride == 1 && projection.groups == 1;
    return plain && block.patches && shape().unselected == Unselected::Masked && !shape().on_gpu;
}

Feature PlanBuilder::patch_projection(const Feature &in, const ConvLayer &layer, const FocalBlock &block) {
    const Feature out = feature(layer.label, layer.out, in.width, in.height, layer.border, layer.shiftable);
    const PatchLists lists = decide_patches(block, *block.selection, out);
    const TensorId weights = constant(layer.label + ".weights"), bias = constant(layer.label + ".bias"),
                   rejected = constant(layer.label + ".rejected");
    Step &step = add_step(layer.label,
                          KernelSpec("patch_projection")
                              .set("ci", in.channels)
                              .set("co", layer.out)
                              .set("kernel", layer.kernel)
                              .set("activation", block.activation)
                              .set("response", block.kernel),
                          nullptr);
    step.arguments = {{"input", in.tensor, Frames::All, 1},
                      {"weights", weights},
                      {"bias", bias},
                      {"residual", block.residual, Frames::All, 1},
                      {"rejected", rejected},
                      {"mask", block.selection->deciding_mask()},
                      {"patches", lists.mask},
                      {"whole", lists.whole.count},
                      {"output", out.tensor, Frames::All, 1}};
    step.macs = double(in.width) * in.height * layer.out * in.channels;
    pack(weights, [fold = reading_weights(layer, in.channels), co = layer.out, ci = in.channels](
                      const Weights &w, const KernelEntry &entry) {
        return pack_conv_weights(fold(w), co, ci, 1, 1, knob_of(entry, "co_block"));
    });
    pack(bias, [fold = reading_bias(layer), co = layer.out](const Weights &w, const KernelEntry &entry) {
        return pack_conv_bias(fold(w), co, 1, knob_of(entry, "co_block"));
    });
    payment_ = Payment{lists, rejected, network_.plan.steps.size() - 1};
    return out;
}

} // namespace afnet
