#include "model/weight_average.h"

#include <algorithm>

namespace afnet {

std::vector<WeightAverage> add_averages(TrainingPlan &training, Dtype dtype) {
    std::vector<WeightAverage> averages;
    const auto flat = [](const std::string &name, TensorId tensor) {
        Argument argument{name, tensor};
        argument.flat = true;
        return argument;
    };
    const auto add = [&](const std::string &key, TensorId source) {
        const TensorInfo of = training.plan.tensors[size_t(source)];
        TensorInfo info;
        info.name = key + ".average";
        info.type = of.type;
        info.extents = of.extents;
        info.storage = Storage::Input;
        WeightAverage average{source, training.plan.add(std::move(info)), training.plan.steps.size()};
        Step step;
        step.label = key + ".average";
        step.kernel = KernelSpec("average_step");
        if (dtype != Dtype::F32) step.kernel.set("dtype", dtype_name(dtype));
        step.arguments = {flat("average_before", average.average), flat("parameter", source),
                          flat("average", average.average)};
        step.scalars = {{"decay", 0}};
        step.frames = 1;
        training.plan.steps.push_back(std::move(step));
        averages.push_back(average);
    };
    for (const TrainedParameter &parameter : training.parameters) {
        if (parameter.gradient != kNoTensor) add(parameter.info.key, parameter.value);
    }
    for (const RunningStatistics &running : training.statistics) {
        add(running.norm + ".running_mean", running.mean);
        add(running.norm + ".running_var", running.variance);
    }
    return averages;
}

std::vector<TensorId> optimizer_tensors(const UpdatePlan &updates, const std::vector<WeightAverage> &averages) {
    std::vector<TensorId> result;
    for (const ParameterUpdate &update : updates.updates) {
        for (const TensorId id : {update.first, update.second}) {
            if (id != kNoTensor) result.push_back(id);
        }
    }
    for (const WeightAverage &average : averages)
        result.push_back(average.average);
    return result;
}

double average_decay_at(double decay, int64_t update) {
    return std::min(decay, double(1 + update) / double(10 + update));
}

} // namespace afnet
