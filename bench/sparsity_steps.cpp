#include "bench/sparsity_steps.h"

#include <map>

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

int block_of_count(const LoweredNetwork &network, const Step &step) {
    for (size_t b = 0; b < network.selections.size(); b++) {
        if (step.count == network.selections[b].count) return int(b);
    }
    return -1;
}

StepPlace gated_place(const LoweredNetwork &network, const Step &step) {
    StepPlace place;
    place.block = block_of_count(network, step);
    if (step.kernel.generator == "fill_unselected") {
        place.role = StepRole::Fill;
    } else if (flag(step, "scatter")) {
        place.role = StepRole::Scatter;
    } else {
        place.role = flag(step, "gather") ? StepRole::Gather : StepRole::Compact;
    }
    return place;
}

std::vector<StepPlace> masked_places(const LoweredNetwork &network) {
    const std::vector<Step> &steps = network.plan.steps;
    std::vector<StepPlace> places(steps.size());
    std::map<TensorId, int> pooled;  // what a gate reads -> its block
    for (size_t b = 0; b < network.selections.size(); b++) {
        const Selection &selection = network.selections[b];
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
        if (steps[i].count != kNoTensor) {
            places[i] = gated_place(network, steps[i]);
        } else if (const auto found = pooled.find(tensor_of(steps[i], "output")); found != pooled.end()) {
            places[i] = {StepRole::Navigation, found->second};
        }
    }
    return places;
}

}  // namespace

StepRoles step_roles(const LoweredNetwork &masked, const LoweredNetwork &dense) {
    StepRoles roles;
    roles.masked = masked_places(masked);
    std::map<std::string, StepPlace> by_label;
    for (size_t i = 0; i < roles.masked.size(); i++) by_label[masked.plan.steps[i].label] = roles.masked[i];
    for (const Step &step : dense.plan.steps) {
        StepPlace place;
        if (const auto found = by_label.find(step.label); found != by_label.end()) {
            place = found->second;
        } else {
            // A layer that the network with masks cuts in other steps.
            for (size_t b = 0; b < masked.selections.size(); b++) {
                if (step.label.rfind(masked.selections[b].name + ".", 0) == 0) place = {StepRole::Compact, int(b)};
            }
        }
        roles.dense.push_back(place);
    }
    return roles;
}

}  // namespace afnet
