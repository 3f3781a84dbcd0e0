#include "model/training_network.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "model/patch_navigation.h"
#include "runtime/arena.h"
#include "runtime/error.h"

namespace afnet {

namespace {

// Between PyTorch's order [co][...] and [co, ...] with co innermost.
std::vector<double> transposed(const std::vector<double> &values, size_t outputs, bool to_innermost) {
    const size_t each = values.size() / outputs;
    std::vector<double> result(values.size());
    for (size_t o = 0; o < outputs; o++) {
        for (size_t i = 0; i < each; i++) {
            if (to_innermost) {
                result[i * outputs + o] = values[o * each + i];
            } else {
                result[o * each + i] = values[i * outputs + o];
            }
        }
    }
    return result;
}

// PyTorch's [co][ci][v][u] is [u, v, ci, co] innermost first; ours is [co, ci, u, v].
std::vector<double> rearranged(const TrainedParameter &parameter, const std::vector<double> &values, bool to_ours) {
    if (!parameter.output_innermost) return values;
    const std::vector<int64_t> &shape = parameter.info.shape;
    const size_t outputs = size_t(shape[0]);
    if (shape.size() < 4) return transposed(values, outputs, to_ours);
    const size_t channels = size_t(shape[1]), pixels = size_t(shape[2] * shape[3]);
    std::vector<double> result(values.size());
    for (size_t o = 0; o < outputs; o++) {
        for (size_t i = 0; i < channels; i++) {
            for (size_t p = 0; p < pixels; p++) {
                const size_t theirs = (o * channels + i) * pixels + p, ours = o + outputs * (i + channels * p);
                if (to_ours) {
                    result[ours] = values[theirs];
                } else {
                    result[theirs] = values[ours];
                }
            }
        }
    }
    return result;
}

std::vector<float> as_floats(const std::vector<double> &values) {
    return std::vector<float>(values.begin(), values.end());
}

TrainingPlan with_updates(TrainingPlan training, const UpdateRules &rules, Dtype dtype, UpdatePlan *updates,
                          std::vector<WeightAverage> *averages) {
    *updates = add_updates(training, rules, dtype);
    if (averages) *averages = add_averages(training, dtype);
    return training;
}

}  // namespace

TrainingNetwork::TrainingNetwork(const ModelDescription &description, const RunShape &shape,
                                 const TrainingChoices &choices, const UpdateRules &rules, KernelStore &kernels)
    : description_(description), shape_(shape),
      training_(with_updates(lower_training(description, shape, choices), rules, shape.dtype, &updates_,
                             choices.average ? &averages_ : nullptr)),
      executor_(training_.plan, kernels, training_library(description)) {
    executor_.warm_up();
}

std::vector<double> TrainingNetwork::numbers(TensorId id) {
    const TensorInfo &tensor = training_.plan.tensors[size_t(id)];
    size_t count = 1;
    for (int extent : stored_extents(tensor)) count *= size_t(extent);
    const void *data = executor_.memory(id).data;
    if (tensor.type == ElementType::Float64) {
        return std::vector<double>(static_cast<const double *>(data), static_cast<const double *>(data) + count);
    }
    return std::vector<double>(static_cast<const float *>(data), static_cast<const float *>(data) + count);
}

void TrainingNetwork::write(TensorId id, const std::vector<double> &numbers) {
    const TensorInfo &tensor = training_.plan.tensors[size_t(id)];
    void *data = executor_.memory(id).data;
    if (numbers.size() * element_bytes(tensor.type) > stored_bytes(tensor)) {
        throw Error(tensor.name + " has fewer elements than the " + std::to_string(numbers.size()) + " given");
    }
    for (size_t i = 0; i < numbers.size(); i++) {
        if (tensor.type == ElementType::Float64) {
            static_cast<double *>(data)[i] = numbers[i];
        } else {
            static_cast<float *>(data)[i] = float(numbers[i]);
        }
    }
}

void TrainingNetwork::load(const Weights &weights) {
    for (const TrainedParameter &parameter : training_.parameters) {
        const std::vector<float> values = weights(parameter.info);
        write(parameter.value, rearranged(parameter, std::vector<double>(values.begin(), values.end()), true));
    }
    for (const RunningStatistics &running : training_.statistics) {
        const auto read = [&](const char *name, TensorId id) {
            const std::vector<float> values = weights({running.norm + name, {running.channels}});
            write(id, std::vector<double>(values.begin(), values.end()));
        };
        read(".running_mean", running.mean);
        read(".running_var", running.variance);
    }
    for (const WeightAverage &average : averages_) write(average.average, numbers(average.source));
}

std::vector<double> TrainingNetwork::values(const ParameterInfo &info) {
    for (const TrainedParameter &parameter : training_.parameters) {
        if (parameter.info.key == info.key) return rearranged(parameter, numbers(parameter.value), false);
    }
    for (const RunningStatistics &running : training_.statistics) {
        if (info.key == running.norm + ".running_mean") return numbers(running.mean);
        if (info.key == running.norm + ".running_var") return numbers(running.variance);
    }
    throw Error(description_.name + " has no parameter " + info.key);
}

std::vector<double> TrainingNetwork::gradient(const TrainedParameter &parameter) {
    return rearranged(parameter, numbers(parameter.gradient), false);
}

std::map<std::string, std::vector<float>> TrainingNetwork::state_dict() {
    std::map<std::string, std::vector<float>> result;
    for (const ParameterInfo &info : training_.state_dict) result[info.key] = as_floats(values(info));
    return result;
}

std::map<std::string, std::vector<float>> TrainingNetwork::averaged_state_dict() {
    std::map<std::string, std::vector<float>> result = state_dict();
    std::map<TensorId, TensorId> averages;
    for (const WeightAverage &average : averages_) averages[average.source] = average.average;
    const auto take = [&](const std::string &key, TensorId source, const auto &arranged) {
        const auto found = averages.find(source);
        if (found != averages.end()) result[key] = as_floats(arranged(numbers(found->second)));
    };
    const auto as_it_is = [](const std::vector<double> &values) { return values; };
    for (const TrainedParameter &parameter : training_.parameters) {
        take(parameter.info.key, parameter.value,
             [&](const std::vector<double> &values) { return rearranged(parameter, values, false); });
    }
    for (const RunningStatistics &running : training_.statistics) {
        take(running.norm + ".running_mean", running.mean, as_it_is);
        take(running.norm + ".running_var", running.variance, as_it_is);
    }
    return result;
}

std::map<std::string, std::vector<float>> TrainingNetwork::optimizer_state() {
    std::map<std::string, std::vector<float>> result;
    for (TensorId id : optimizer_tensors(updates_, averages_)) result[training_.plan.tensors[size_t(id)].name] = as_floats(numbers(id));
    return result;
}

void TrainingNetwork::load_optimizer(const std::map<std::string, std::vector<float>> &state, int steps) {
    for (TensorId id : optimizer_tensors(updates_, averages_)) {
        const std::string &name = training_.plan.tensors[size_t(id)].name;
        const auto found = state.find(name);
        if (found == state.end()) throw Error("the training state lacks " + name);
        if (found->second.size() != numbers(id).size()) throw Error("the training state's " + name + " has another size");
        write(id, std::vector<double>(found->second.begin(), found->second.end()));
    }
    steps_ = steps;
}

void TrainingNetwork::set_frame(int flat_frame, const float *pixels) {
    const TensorInfo &video = training_.plan.tensors[size_t(training_.video)];
    const std::vector<int> stored = stored_extents(video);
    const size_t row = size_t(stored[0]) * size_t(stored[1]), border = size_t(video.border);
    const size_t inner = size_t(3 * shape_.width);
    for (size_t y = 0; y < size_t(shape_.height); y++) {
        const size_t at = (size_t(flat_frame) * size_t(stored[2]) + y + border) * row + 3 * border;
        void *data = executor_.memory(training_.video).data;
        if (video.type == ElementType::Float64) {
            std::copy_n(pixels + y * inner, inner, static_cast<double *>(data) + at);
        } else {
            std::memcpy(static_cast<float *>(data) + at, pixels + y * inner, inner * sizeof(float));
        }
    }
}

void TrainingNetwork::set_label(int clip, int label) {
    if (label < 0 || label >= description_.classes) {
        throw Error("a label of " + std::to_string(label) + "; " + description_.name + " has " +
                    std::to_string(description_.classes) + " classes, counted from 0");
    }
    static_cast<int *>(executor_.memory(training_.labels).data)[clip] = label;
}

void TrainingNetwork::set_noise(size_t selection, const std::vector<double> &uniform) {
    write(training_.selections[selection].uniform, uniform);
}

void TrainingNetwork::set_dropout(const std::vector<float> &uniform) {
    if (training_.dropout == kNoTensor) return;
    write(training_.dropout, std::vector<double>(uniform.begin(), uniform.end()));
}

void TrainingNetwork::force_mask(size_t selection, const std::vector<int> &mask) {
    write(training_.selections[selection].forced, std::vector<double>(mask.begin(), mask.end()));
}

void TrainingNetwork::set_patch_noise(size_t block, const std::vector<double> &uniform) {
    write(training_.patches[block].selection.uniform, uniform);
}

void TrainingNetwork::force_patches(size_t block, const std::vector<int> &mask) {
    write(training_.patches[block].selection.forced, std::vector<double>(mask.begin(), mask.end()));
}

void TrainingNetwork::set_scalars(const StepSettings &settings) {
    executor_.set_scalars(kTemperature, settings.temperature);
    executor_.set_scalars(kTargetRatio, settings.target_ratio);
    executor_.set_scalars(kTargetPatchRatio, settings.target_patch_ratio);
    for (size_t i = 0; i < training_.backward_end; i++) executor_.set_scalar(i, kDropoutRate, settings.dropout);
}

// Other micro-batches' frames count in them, of which a pass may be told between its halves.
void TrainingNetwork::set_ratio_weights(const StepSettings &settings) {
    const double frames = shape_.flat_frames(), micro_batches = (frames + other_frames_) / frames;
    const auto of_blocks = [&](double weight, size_t blocks) {
        return blocks > 0 ? weight / double(blocks) * micro_batches : 0;
    };
    executor_.set_scalars(kRatioWeight, of_blocks(settings.ratio_weight, training_.selections.size()));
    executor_.set_scalars(kPatchRatioWeight, of_blocks(settings.patch_ratio_weight, training_.patches.size()));
}

double loss_of(const StepResult &result, const StepSettings &settings) {
    return result.cross_entropy + settings.ratio_weight * result.ratio_error +
           settings.patch_ratio_weight * result.patch_ratio_error;
}

StepResult TrainingNetwork::result_of_pass(const StepSettings &settings) {
    StepResult result;
    const std::vector<double> losses = numbers(training_.losses), logits = numbers(training_.clip_logits);
    for (double loss : losses) result.cross_entropy += loss / double(losses.size());
    const size_t classes = size_t(description_.classes);
    for (size_t clip = 0; clip < losses.size(); clip++) {
        const auto begin = logits.begin() + long(clip * classes);
        result.predictions.push_back(int(std::max_element(begin, begin + long(classes)) - begin));
    }
    for (size_t b = 0; b < training_.selections.size(); b++) {
        result.ratio_error += numbers(training_.ratio_errors[b])[0] / double(training_.selections.size());
    }
    for (const TrainedPatches &patches : training_.patches)
        result.patch_ratio_error += numbers(patches.ratio_error)[0] / double(training_.patches.size());
    const std::vector<double> counts = mask_counts();
    const size_t blocks = training_.selections.size();
    for (size_t b = 0; b < blocks; b++) result.realised_ratios.push_back(counts[b] / shape_.flat_frames());
    for (size_t i = blocks; i < counts.size(); i += 2)
        result.realised_patch_ratios.push_back(counts[i + 1] > 0 ? counts[i] / counts[i + 1] : 1);
    result.loss = loss_of(result, settings);
    result.gradient_norm = norm_over_parameters();
    result.finite = std::isfinite(result.loss) && std::isfinite(result.gradient_norm);
    return result;
}

double TrainingNetwork::norm_over_parameters() {
    double squares = 0;
    for (const ParameterUpdate &update : updates_.updates)
        squares += numbers(update.norm)[0];
    return std::sqrt(squares);
}

double TrainingNetwork::gradient_norm() {
    executor_.run_steps(training_.backward_end, updates_.norms_end, false);
    return norm_over_parameters();
}

std::vector<double> TrainingNetwork::mask_counts() {
    std::vector<double> counts;
    for (const Selection &selection : training_.selections) {
        const std::vector<double> mask = numbers(selection.deciding_mask());
        counts.push_back(std::accumulate(mask.begin(), mask.end(), 0.0));
    }
    for (const TrainedPatches &patches : training_.patches) {
        const std::vector<double> mask = numbers(patches.selection.deciding_mask());
        const size_t frames = size_t(shape_.flat_frames()), each = mask.size() / frames;
        const std::vector<double> selected =
            patches.frames != kNoTensor ? numbers(patches.frames) : std::vector<double>(frames, 1);
        double chosen = 0, all = 0;
        for (size_t f = 0; f < frames; f++) {
            const auto begin = mask.begin() + long(f * each);
            chosen += selected[f] * std::accumulate(begin, begin + long(each), 0.0);
            all += selected[f] * double(each);
        }
        counts.insert(counts.end(), {chosen, all});
    }
    return counts;
}

void TrainingNetwork::set_others(const std::vector<double> &counts, int frames) {
    other_frames_ = frames;
    const size_t blocks = training_.ratio_steps.size();
    for (size_t b = 0; b < blocks; b++) {
        executor_.set_scalar(training_.ratio_steps[b], kOtherSelected, counts[b]);
        executor_.set_scalar(training_.ratio_steps[b], kOtherFrames, frames);
    }
    for (size_t i = 0; i < training_.patches.size(); i++) {
        const size_t step = training_.patches[i].ratio_step;
        executor_.set_scalar(step, kOtherSelectedPatches, counts[blocks + 2 * i]);
        executor_.set_scalar(step, kOtherPatches, counts[blocks + 2 * i + 1]);
    }
}

std::vector<std::pair<TensorId, std::vector<double>>> TrainingNetwork::running_statistics() {
    std::vector<std::pair<TensorId, std::vector<double>>> values;
    for (const RunningStatistics &running : training_.statistics) {
        for (TensorId id : {running.mean, running.variance}) values.emplace_back(id, numbers(id));
    }
    return values;
}

void TrainingNetwork::forward(const StepSettings &settings, const Executor::Observer &observer) {
    set_scalars(settings);
    executor_.run_steps(0, training_.forward_end, stops_within_pass_, observer);
}

StepResult TrainingNetwork::backward(const StepSettings &settings, const Executor::Observer &observer) {
    set_ratio_weights(settings);
    executor_.run_steps(training_.forward_end, updates_.norms_end, stops_within_pass_, observer);
    return result_of_pass(settings);
}

StepResult TrainingNetwork::pass(const StepSettings &settings, const Executor::Observer &observer) {
    const auto before = running_statistics();
    const auto restore = [&] {
        for (const auto &[id, values] : before) write(id, values);
    };
    try {
        forward(settings, observer);
        const StepResult result = backward(settings, observer);
        if (!result.finite) restore();
        return result;
    } catch (...) {
        restore();
        throw;
    }
}

void TrainingNetwork::update(const StepSettings &settings, double gradient_norm) {
    steps_++;
    double scale = 1;
    if (settings.clip_norm > 0) scale = std::min(1.0, settings.clip_norm / (gradient_norm + 1e-6));
    for (const ParameterUpdate &update : updates_.updates) {
        const UpdateRule &rule = update.rule;
        const double base = rule.rate > 0 ? rule.rate * settings.gate_rate_factor : settings.rate;
        executor_.set_scalar(update.step, "rate", base * rule.rate_factor);
        executor_.set_scalar(update.step, "decay", settings.decay * rule.decay_factor);
        executor_.set_scalar(update.step, "scale", scale);
        executor_.set_scalar(update.step, "momentum_factor", settings.momentum);
        executor_.set_scalar(update.step, "nesterov", settings.nesterov ? 1 : 0);
        executor_.set_scalar(update.step, "step", steps_);
    }
    for (const WeightAverage &average : averages_) {
        executor_.set_scalar(average.step, "decay", average_decay_at(settings.average_decay, steps_));
    }
    executor_.run_steps(updates_.norms_end, training_.plan.steps.size(), false);
}

StepResult TrainingNetwork::step(const StepSettings &settings) {
    const StepResult result = pass(settings);
    if (result.finite) update(settings, result.gradient_norm);
    return result;
}

namespace {

// The description built otherwise, in every way that kernels depend on, with masks in time.
std::vector<ModelDescription> ablations_of(const ModelDescription &description) {
    if (!description.adaptive()) return {};
    ModelDescription temporal = description;
    temporal.masks = MaskKind::Temporal;
    temporal.grid = ModelDescription().grid;
    std::vector<ModelDescription> result(4, temporal);
    result[0].frame_choice = FrameChoice::Soft;
    result[0].branches = result[1].branches = Branches::Both;
    result[1].fusion = Fusion::Addition;
    result[2].branches = Branches::Focal;
    result[2].fusion = Fusion::Dynamic;
    result[3].temporal_masks = TemporalMasks::Shared;
    return result;
}

// The description with masks in space, where its family can have them.
std::vector<ModelDescription> spatial_kinds_of(const ModelDescription &description) {
    if (!description.patches_of_bottlenecks()) return {};
    std::vector<ModelDescription> result(2, description);
    result[0].masks = MaskKind::Spatial;
    result[1].masks = MaskKind::Both;
    for (ModelDescription &kind : result) kind.frame_choice = FrameChoice::Hard;
    return result;
}

// What inference with an ablation needs beside the kernels of the description itself.
void add_ablation_kernels(const ModelDescription &description, std::map<std::string, KernelSpec> &specs) {
    std::map<std::string, KernelSpec> added;
    for (const ModelDescription &ablation : ablations_of(description)) {
        for (KernelSpec &spec : kernel_specs(ablation)) added[spec.name()] = std::move(spec);
    }
    for (const KernelSpec &spec : kernel_specs(description)) added.erase(spec.name());
    specs.insert(added.begin(), added.end());
}

}  // namespace

std::vector<KernelSpec> training_kernel_specs(const ModelDescription &description, Dtype dtype) {
    std::map<std::string, KernelSpec> specs;
    const auto collect = [&](const ModelDescription &of, const RunShape &shape, const TrainingChoices &choices,
                             Algorithm algorithm) {
        TrainingPlan training = lower_training(of, shape, choices);
        add_updates(training, [&](const ParameterInfo &) { return UpdateRule{algorithm}; }, dtype);
        if (choices.average) add_averages(training, dtype);
        for (const Step &step : training.plan.steps) specs[step.kernel.name()] = step.kernel;
    };
    RunShape shape;
    shape.dtype = dtype;
    TrainingChoices choices, frozen;
    choices.drop = choices.average = true;
    frozen.trained = is_navigation;
    frozen.frozen_norm = [](const std::string &) { return true; };
    RunShape forced = shape, all = shape;
    forced.forced_masks = true;
    all.without_masks = true;
    collect(description, shape, choices, Algorithm::Sgd);
    collect(description, shape, frozen, Algorithm::Adam);
    for (const RunShape &other : {forced, all})
        collect(description, other, choices, Algorithm::Sgd);
    RunShape sparse = shape, forced_sparse = forced;
    sparse.unselected = forced_sparse.unselected = Unselected::Skipped;
    for (const RunShape &selected : {sparse, forced_sparse}) {
        collect(description, selected, choices, Algorithm::Sgd);
        collect(description, selected, frozen, Algorithm::Adam);
    }
    for (const ModelDescription &kind : spatial_kinds_of(description)) {
        for (const RunShape &learned : {shape, sparse}) {
            collect(kind, learned, choices, Algorithm::Sgd);
            collect(kind, learned, frozen, Algorithm::Adam);
        }
        for (RunShape given : {forced, forced_sparse}) {
            given.forced_grid = kind.grid;
            collect(kind, given, choices, Algorithm::Sgd);
        }
    }
    for (const ModelDescription &ablation : ablations_of(description)) {
        const TrainingPlan training = lower_training(ablation, shape, choices);
        for (const Step &step : training.plan.steps) specs[step.kernel.name()] = step.kernel;
    }
    if (dtype == Dtype::F32) add_ablation_kernels(description, specs);
    std::vector<KernelSpec> result;
    for (const auto &[name, spec] : specs) result.push_back(spec);
    return result;
}

std::string training_library(const ModelDescription &description) {
    return description.name + "_training";
}

}  // namespace afnet
