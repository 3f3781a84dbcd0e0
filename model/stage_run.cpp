#include "model/stage_run.h"

#include <algorithm>

#include "model/initial_weights.h"
#include "model/patch_masks.h"
#include "model/random_use.h"
#include "runtime/counter_random.h"
#include "runtime/error.h"
#include "runtime/text.h"

namespace afnet {

namespace {

RunShape shape_of(const TrainingStage &stage, const ModelDescription &description, int clips, int frames, int size) {
    const StageMasks masks = stage_masks(stage, description);
    RunShape shape;
    shape.frames = frames;
    shape.clips = clips;
    shape.width = shape.height = size;
    shape.without_masks = masks.nothing_masked;
    shape.forced_masks = masks.frames;
    shape.forced_grid = masks.patches ? description.grid : 0;
    shape.unselected = stage.unselected == "sparse" ? Unselected::Skipped : Unselected::Masked;
    return shape;
}

TrainingChoices choices_of(const TrainingStage &stage, const ModelDescription &description) {
    TrainingChoices choices;
    const StageMasks masks = stage_masks(stage, description);
    // What chooses nothing is not trained.
    choices.trained = [=](const std::string &key) { return stage.trains(key) && !masks.replace(key); };
    choices.frozen_norm = [=](const std::string &norm) {
        const std::string key = norm + ".weight";
        return masks.replace(key) || (stage.partial_norm && !stage.trains(key));
    };
    choices.drop = stage.dropout > 0;
    choices.average = stage.average > 0;
    return choices;
}

std::vector<ParameterInfo> all_parameters(const ModelDescription &description) {
    RunShape shape;
    shape.frames = description.frames;
    return lower(description, shape).parameters;
}

}  // namespace

StateTensors state_of(const ModelDescription &description, const Weights &weights) {
    StateTensors state;
    for (const ParameterInfo &parameter : all_parameters(description)) state[parameter.key] = weights(parameter);
    return state;
}

Weights weights_of(const StateTensors &state) {
    const auto shared = std::make_shared<StateTensors>(state);
    return [shared](const ParameterInfo &parameter) {
        const auto found = shared->find(parameter.key);
        if (found == shared->end()) throw Error("there is no parameter " + parameter.key);
        return found->second;
    };
}

TrainingMemory stage_memory(const ModelDescription &description, const TrainingStage &stage, int frames, int size) {
    const int clips = divide_batch(stage.batch, stage.micro_batch, *single_process()).micro_batch;
    TrainingPlan training =
        lower_training(description, shape_of(stage, description, clips, frames, size), choices_of(stage, description));
    const auto rules = [&](const ParameterInfo &parameter) { return stage.rule(description, parameter); };
    const UpdatePlan updates = add_updates(training, rules, Dtype::F32);
    std::vector<WeightAverage> averages;
    if (stage.average > 0) averages = add_averages(training, Dtype::F32);
    return training_memory(training, optimizer_tensors(updates, averages));
}

StageRun::StageRun(const ModelDescription &description, const TrainingStage &stage, int frames, int size, uint64_t seed,
                   StateTensors state, KernelStore &kernels, ProcessGroup &group)
    : description_(description), stage_(stage), masks_(stage_masks(stage, description)), seed_(seed),
      state_(std::move(state)), division_(divide_batch(stage.batch, stage.micro_batch, group)) {
    if (description.soft() && stage.unselected == "sparse") {
        throw Error("stage " + stage.name + ": unselected frames are sparse, but soft weights compute every frame; "
                                            "masked expected");
    }
    InitialWeights initial;
    initial.seed = seed;
    initial.drop_bias = stage.drop_bias;
    initial.keep_bias = stage.keep_bias;
    initial.classifier_deviation = stage.classifier_deviation;
    const Weights fresh = initial_weights(description, initial);
    for (const ParameterInfo &parameter : all_parameters(description)) {
        const bool anew = std::any_of(stage.reset.begin(), stage.reset.end(), [&](const std::string &pattern) {
            return matches_pattern(parameter.key, pattern);
        });
        if (anew || state_.count(parameter.key) == 0) state_[parameter.key] = fresh(parameter);
    }
    network_ = std::make_unique<TrainingNetwork>(
        description, shape_of(stage, description, division_.micro_batch, frames, size), choices_of(stage, description),
        [&](const ParameterInfo &parameter) { return stage.rule(description, parameter); }, kernels);
    const auto &parameters = network_->training().parameters;
    if (std::none_of(parameters.begin(), parameters.end(),
                     [](const TrainedParameter &p) { return p.gradient != kNoTensor; })) {
        throw Error("stage " + stage.name + " freezes every parameter; nothing is left to train");
    }
    network_->load(weights_of(state_));
    step_ = std::make_unique<DividedStep>(*network_, group, division_);
}

StepSettings StageRun::settings_at(const TrainingClock &clock) const {
    StepSettings settings;
    settings.rate = rate_at(stage_.rate, clock);
    settings.gate_rate_factor = gate_rate_factor_at(stage_.gate_decay_from, clock);
    settings.decay = stage_.decay;
    settings.momentum = stage_.momentum;
    settings.nesterov = stage_.nesterov;
    settings.clip_norm = stage_.clip_norm;
    settings.temperature = temperature_at(stage_.temperature, clock);
    settings.target_ratio = ratio_at(stage_.ratio, clock);
    // Soft weights are plain probabilities; neither they nor masks that are not learned have a ratio to learn.
    settings.target_patch_ratio = ratio_at(stage_.patch_ratio, clock);
    const bool soft = description_.soft() && masks_.learns_frames;
    if (soft) settings.temperature = 1;
    settings.ratio_weight = masks_.learns_frames && !soft ? stage_.ratio_weight : 0;
    settings.patch_ratio_weight = masks_.learns_patches ? stage_.patch_ratio_weight : 0;
    settings.dropout = stage_.dropout;
    settings.average_decay = stage_.average;
    return settings;
}

// Every number follows from seed, step, place of the clip in the batch, and layer.
void StageRun::draw_noise(int64_t step, int first_clip) {
    const RunShape &shape = network_->shape();
    const auto stream = [&](uint8_t purpose, int clip, size_t layer, int frame = 0) {
        RandomStream names;
        names.purpose = purpose;
        names.epoch = uint32_t(step & 0xffffff);
        names.sample = uint32_t(first_clip + clip);
        names.layer = uint32_t(layer);
        names.frame = uint32_t(frame);
        return CounterRandom(seed_, names);
    };
    const TrainingPlan &training = network_->training();
    for (size_t block = 0; block < training.selections.size(); block++) {
        // Without a draw u is 0 for both categories: noise that cancels.
        if (shape.forced_masks || training.selections[block].soft) continue;
        std::vector<double> uniform;
        for (int clip = 0; clip < shape.clips; clip++) {
            CounterRandom random = stream(kGateNoise, clip, block);
            for (int i = 0; i < 2 * shape.frames; i++) uniform.push_back(random.uniform());
        }
        network_->set_noise(block, uniform);
    }
    for (size_t block = 0; block < training.patches.size() && shape.forced_grid == 0; block++) {
        const int words = 2 * description_.grid * description_.grid;
        std::vector<double> uniform;
        for (int f = 0; f < shape.flat_frames(); f++) {
            CounterRandom random = stream(kPatchNoise, f / shape.frames, block, f % shape.frames);
            for (int i = 0; i < words; i++) uniform.push_back(random.uniform());
        }
        network_->set_patch_noise(block, uniform);
    }
    if (training.dropout == kNoTensor) return;
    const int channels = training.plan.tensors[size_t(training.dropout)].extents[0];
    std::vector<float> uniform;
    for (int clip = 0; clip < shape.clips; clip++) {
        CounterRandom random = stream(kDropout, clip, 0);
        for (int i = 0; i < channels * shape.frames; i++) uniform.push_back(float(random.uniform()));
    }
    network_->set_dropout(uniform);
}

void StageRun::draw_masks(const std::vector<size_t> &samples, const TrainingClock &clock) {
    const RunShape &shape = network_->shape();
    const TrainingPlan &training = network_->training();
    const auto epoch = uint32_t(clock.epoch());
    if (masks_.frames) {
        const auto frames = batch_masks(masks_.policy, training.selections.size(), shape.frames, shape.clips,
                                        ratio_at(stage_.ratio, clock), seed_, epoch, samples);
        for (size_t i = 0; i < frames.size(); i++)
            network_->force_mask(i, frames[i]);
    }
    if (masks_.patches) {
        const auto patches =
            batch_patches(masks_.policy, training.patches.size(), shape.frames, shape.clips, shape.forced_grid,
                          ratio_at(stage_.patch_ratio, clock), seed_, epoch, samples);
        for (size_t i = 0; i < patches.size(); i++)
            network_->force_patches(i, patches[i]);
    }
}

StepResult StageRun::step(const ClipBatch &batch, const TrainingClock &clock) {
    const RunShape &shape = network_->shape();
    const size_t frame = size_t(3) * size_t(shape.width) * size_t(shape.height);
    const size_t clips = size_t(shape.clips), own = clips * size_t(division_.own_micro_batches());
    if (batch.labels.size() != own || batch.pixels.size() != frame * own * size_t(shape.frames)) {
        throw Error("a batch of " + std::to_string(batch.labels.size()) + " clips; " + std::to_string(own) +
                    " expected");
    }
    return step_->run(settings_at(clock), [&](int part) {
        const size_t first = size_t(part) * clips, first_frame = first * size_t(shape.frames);
        for (int f = 0; f < shape.flat_frames(); f++)
            network_->set_frame(f, &batch.pixels[(first_frame + size_t(f)) * frame]);
        for (int clip = 0; clip < shape.clips; clip++)
            network_->set_label(clip, batch.labels[first + size_t(clip)]);
        draw_noise(clock.step, division_.first_clip(part));
        const auto samples = batch.samples.begin() + long(first);
        draw_masks({samples, samples + long(clips)}, clock);
    });
}

StateTensors StageRun::state() {
    StateTensors result = state_;
    for (auto &[key, values] : network_->state_dict()) result[key] = std::move(values);
    return result;
}

StateTensors StageRun::outcome() {
    StateTensors result = state_;
    for (auto &[key, values] : network_->averaged_state_dict()) result[key] = std::move(values);
    return result;
}

}  // namespace afnet
