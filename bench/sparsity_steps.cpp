#include "bench/sparsity_steps.h"

#include <map>

#include "bench/stages.h"
#include "runtime/error.h"
#include "runtime/text.h"

namespace afnet {

namespace {

bool flag(const Step &step, const char *param) {
    const auto found = step.kernel.params.find(param);
    return found != step.kernel.params.end() && found->second == "true";
}

TensorId tensor_of(const Step &step, const char *argument) {
    for (const Argument &given : step.arguments) {
        if (given.name == argument) return given.tensor;
    }
    return kNoTensor;
}

StepRole gated_role(const Step &step) {
    if (flag(step, "scatter")) return StepRole::Scatter;
    return flag(step, "gather") ? StepRole::Gather : StepRole::Compact;
}

std::vector<StepPlace> masked_places(const LoweredNetwork &network) {
    const std::vector<Step> &steps = network.plan.steps;
    std::vector<StepPlace> places(steps.size());
    std::map<TensorId, int> pooled; // what a gate reads -> its block
    for (size_t b = 0; b < network.blocks.size(); b++) {
        const MaskedBlock &block = network.blocks[b];
        if (block.selection < 0) continue;
        const Selection &selection = network.selections[size_t(block.selection)];
        if (selection.name != block.name) continue; // the steps are those of the first block that follows it
        for (size_t i = 0; i < steps.size(); i++) {
            if (tensor_of(steps[i], "logits") == selection.logits && steps[i].kernel.generator == "navigation") {
                places[i] = {StepRole::Navigation, int(b)};
                pooled[tensor_of(steps[i], "pooled")] = int(b);
            } else if (steps[i].kernel.generator == "work_list" && tensor_of(steps[i], "count") == selection.count) {
                places[i] = {StepRole::IndexBuilding, int(b)};
            }
        }
    }
    for (size_t i = 0; i < steps.size(); i++) {
        const std::string &generator = steps[i].kernel.generator, kind = kind_of(steps[i]);
        if (generator == "spatial_navigation") {
            places[i] = {StepRole::PatchNavigation, block_of(network, steps[i])};
        } else if (generator == "patch_choice") {
            places[i] = {StepRole::PatchChoice, block_of(network, steps[i])};
        } else if (kind == "patch lists") {
            places[i] = {StepRole::PatchLists, block_of(network, steps[i])};
        } else if (kind == "unselected") {
            places[i] = {StepRole::Fill, block_of(network, steps[i])};
        } else if (steps[i].count != kNoTensor) {
            places[i] = {gated_role(steps[i]), block_of(network, steps[i])};
        } else if (const auto found = pooled.find(tensor_of(steps[i], "output")); found != pooled.end()) {
            places[i] = {StepRole::Navigation, found->second};
        }
    }
    return places;
}

double scalar_of(const Step &step, const char *name) {
    for (const Scalar &scalar : step.scalars) {
        if (scalar.name == name) return scalar.value;
    }
    throw Error("step " + step.label + ": no scalar " + name);
}

} // namespace

bool is_gated(StepRole role) {
    return role == StepRole::Gather || role == StepRole::Compact || role == StepRole::Scatter;
}

bool is_of_patches(StepRole role) {
    return role == StepRole::PatchNavigation || role == StepRole::PatchChoice || role == StepRole::PatchLists;
}

std::vector<BlockMap> block_maps(const LoweredNetwork &network) {
    std::vector<BlockMap> maps;
    for (const Step &step : network.plan.steps) {
        if (step.kernel.generator != "patch_choice") continue;
        maps.push_back({int(scalar_of(step, "width")), int(scalar_of(step, "height")), scalar_of(step, "break_even")});
    }
    return maps;
}

StepRoles step_roles(const LoweredNetwork &masked, const LoweredNetwork &dense) {
    StepRoles roles;
    roles.masked = masked_places(masked);
    std::map<std::string, StepPlace> by_label;
    for (size_t i = 0; i < roles.masked.size(); i++)
        by_label[masked.plan.steps[i].label] = roles.masked[i];
    for (const Step &step : dense.plan.steps) {
        StepPlace place;
        if (const auto found = by_label.find(step.label); found != by_label.end()) {
            place = found->second;
        } else if (const int block = block_of(masked, step); block >= 0) {
            place = {StepRole::Compact, block}; // a layer that the network with masks cuts in other steps
        }
        roles.dense.push_back(place);
    }
    return roles;
}

} // namespace afnet
