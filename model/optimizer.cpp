#include "model/optimizer.h"

#include "model/patch_navigation.h"
#include "runtime/error.h"
#include "runtime/text.h"

namespace afnet {

namespace {

Argument flat(const std::string &name, TensorId tensor) {
    Argument argument{name, tensor};
    argument.flat = true;
    return argument;
}

}  // namespace

Algorithm algorithm_named(const std::string &name) {
    if (name == "sgd") return Algorithm::Sgd;
    if (name == "adam") return Algorithm::Adam;
    if (name == "adamw") return Algorithm::AdamW;
    throw UsageError("unknown optimizer '" + name + "'; known are sgd, adam, adamw");
}

std::string algorithm_name(Algorithm algorithm) {
    switch (algorithm) {
    case Algorithm::Sgd: return "sgd";
    case Algorithm::Adam: return "adam";
    case Algorithm::AdamW: return "adamw";
    }
    return "sgd";
}

UpdateRule authors_rule(const ModelDescription &description, const ParameterInfo &parameter) {
    const std::string &key = parameter.key;
    const bool mobile = description.family == Family::AfMobileNetV3;
    const bool bias = ends_with(key, ".bias"), navigation = is_navigation(key);
    const size_t dimensions = parameter.shape.size();
    UpdateRule rule;
    if (navigation) {
        rule.rate_factor = 10;
        return rule;
    }
    const bool classifier = mobile ? key.rfind("fc.", 0) == 0 : dimensions == 2 || key == "fc.bias";
    if (classifier) {
        rule.rate_factor = bias ? 10 : 5;
        rule.decay_factor = bias ? 0 : 1;
        return rule;
    }
    // Gates' linears of MobileNetV3, with their biases, are ordinary weights; what else has one dimension is BatchNorm's.
    const bool gate = contains(key, ".se.") || contains(key, "att_gen");
    if (dimensions == 1 && !(mobile && gate)) rule.decay_factor = 0;
    return rule;
}

UpdatePlan add_updates(TrainingPlan &training, const UpdateRules &rules, Dtype dtype) {
    UpdatePlan result;
    const auto add_tensor = [&](const std::string &name, std::vector<int> extents, ElementType type, Storage storage) {
        TensorInfo info;
        info.name = name;
        info.type = type;
        info.extents = std::move(extents);
        info.storage = storage;
        return training.plan.add(std::move(info));
    };
    const auto add_step = [&](const std::string &label, KernelSpec kernel, std::vector<Argument> arguments,
                              std::vector<Scalar> scalars) {
        if (dtype != Dtype::F32) kernel.set("dtype", dtype_name(dtype));
        Step step;
        step.label = label;
        step.kernel = std::move(kernel);
        step.arguments = std::move(arguments);
        step.scalars = std::move(scalars);
        step.frames = 1;
        training.plan.steps.push_back(std::move(step));
    };
    for (size_t i = 0; i < training.parameters.size(); i++) {
        const TrainedParameter &parameter = training.parameters[i];
        if (parameter.gradient == kNoTensor) continue;
        ParameterUpdate update;
        update.parameter = i;
        update.rule = rules(parameter.info);
        update.norm = add_tensor(parameter.info.key + ".norm", {1}, ElementType::Float64, Storage::Kept);
        add_step(parameter.info.key + ".norm", KernelSpec("squared_norm"),
                 {flat("gradient", parameter.gradient), {"norm", update.norm}}, {});
        result.updates.push_back(update);
    }
    result.norms_end = training.plan.steps.size();
    for (ParameterUpdate &update : result.updates) {
        const TrainedParameter &parameter = training.parameters[update.parameter];
        const TensorInfo value = training.plan.tensors[size_t(parameter.value)];
        const auto state = [&](const char *name) {
            return add_tensor(parameter.info.key + name, value.extents, value.type, Storage::Input);
        };
        const UpdateRule &rule = update.rule;
        std::vector<Argument> arguments = {flat("parameter_before", parameter.value),
                                           flat("gradient", parameter.gradient),
                                           flat("parameter", parameter.value)};
        std::vector<Scalar> scalars = {{"rate", 0}, {"decay", 0}, {"scale", 1}};
        const bool sgd = rule.algorithm == Algorithm::Sgd;
        update.first = state(sgd ? ".momentum" : ".first_moment");
        if (sgd) {
            arguments.insert(arguments.end(), {flat("momentum_before", update.first), flat("momentum", update.first)});
            scalars.insert(scalars.end(), {{"momentum_factor", 0}, {"nesterov", 0}});
        } else {
            update.second = state(".second_moment");
            arguments.insert(arguments.end(), {flat("first_before", update.first), flat("first", update.first),
                                               flat("second_before", update.second), flat("second", update.second)});
            scalars.insert(scalars.end(), {{"beta1", rule.beta1},
                                           {"beta2", rule.beta2},
                                           {"epsilon", rule.epsilon},
                                           {"step", 1},
                                           {"decoupled", rule.algorithm == Algorithm::AdamW ? 1.0 : 0.0}});
        }
        update.step = training.plan.steps.size();
        add_step(parameter.info.key + ".update", KernelSpec(sgd ? "sgd_step" : "adam_step"), std::move(arguments),
                 std::move(scalars));
    }
    return result;
}

}  // namespace afnet
