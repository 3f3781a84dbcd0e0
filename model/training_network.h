// A network under training: a training plan bound to kernels, its parameters, and one step of the optimiser.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/lowering.h"
#include "model/optimizer.h"
#include "model/weight_average.h"
#include "runtime/executor.h"

namespace afnet {

/// What changes from step to step.
struct StepSettings {
    double rate = 0.01, decay = 5e-4, momentum = 0.9;  // of SGD; rate and decay of all
    double gate_rate_factor = 1;                       // times rates of parameters that have their own
    bool nesterov = false;
    double clip_norm = 20;  // of the gradient over all parameters; 0: not clipped
    double temperature = 1, target_ratio = 1, ratio_weight = 0.5;  // lambda
    double target_patch_ratio = 1, patch_ratio_weight = 1;         // the same of masks in space
    double dropout = 0;
    double average_decay = 0;  // of moving averages, where TrainingChoices asks for them
};

/// What a pass found.
struct StepResult {
    double loss = 0, cross_entropy = 0, ratio_error = 0;  // ratio_error: mean over masks, before lambda
    double patch_ratio_error = 0;                         // the same
    double gradient_norm = 0;
    bool finite = true;                    // false: nothing was updated
    std::vector<int> predictions;          // best class per clip
    std::vector<double> realised_ratios;   // per navigation of frames
    std::vector<double> realised_patch_ratios; // per block: of the patches of selected frames; 1 where there are none
};

/// The loss that a pass descends: cross-entropy, and the terms of ratios by their weights.
double loss_of(const StepResult &result, const StepSettings &settings);

class TrainingNetwork {
public:
    /// Throws Error when a kernel is missing.
    TrainingNetwork(const ModelDescription &description, const RunShape &shape, const TrainingChoices &choices,
                    const UpdateRules &rules, KernelStore &kernels);

    const ModelDescription &description() const { return description_; }
    const RunShape &shape() const { return shape_; }
    const TrainingPlan &training() const { return training_; }
    Executor &executor() { return executor_; }

    /// Parameters and running statistics, by key.
    void load(const Weights &weights);
    /// In PyTorch's order, whole; what an inference network and a checkpoint are made of.
    std::vector<double> values(const ParameterInfo &parameter);
    std::map<std::string, std::vector<float>> state_dict();
    /// The same of the moving averages; of what has none, as it is.
    std::map<std::string, std::vector<float>> averaged_state_dict();
    /// A parameter's gradient after a pass, in PyTorch's order.
    std::vector<double> gradient(const TrainedParameter &parameter);

    /// The optimiser's memory, by `<key>.momentum` and so on, and moving averages; what resuming needs besides
    /// state_dict() and steps().
    std::map<std::string, std::vector<float>> optimizer_state();
    void load_optimizer(const std::map<std::string, std::vector<float>> &state, int steps);
    int steps() const { return steps_; }

    /// One normalised frame [3, x, y] of the input; a clip's label; the uniform numbers of a navigation's noise, [2, f]
    /// or [2, gx, gy, f], and of dropout; a block's masks, [f] and [gx, gy, f], where they are forced.
    void set_frame(int flat_frame, const float *pixels);
    void set_label(int clip, int label);
    void set_noise(size_t selection, const std::vector<double> &uniform);
    void set_patch_noise(size_t block, const std::vector<double> &uniform);
    void set_dropout(const std::vector<float> &uniform);
    void force_mask(size_t selection, const std::vector<int> &mask);
    void force_patches(size_t block, const std::vector<int> &mask);

    /// Forward and backward; gradients are there, parameters as before; running statistics are updated. Throws
    /// Interrupted after Ctrl-C: then running statistics are as before.
    StepResult pass(const StepSettings &settings, const Executor::Observer &observer = nullptr);
    /// A pass's halves. Between them the masks are known, and frames of other micro-batches may be told. Where a half
    /// throws, or the result is not finite, running statistics are for the caller to restore.
    void forward(const StepSettings &settings, const Executor::Observer &observer = nullptr);
    StepResult backward(const StepSettings &settings, const Executor::Observer &observer = nullptr);
    /// What ratios are made of, after forward(): of each temporal mask its selected frames; then of each spatial mask
    /// its selected patches in selected frames, and all patches of these.
    std::vector<double> mask_counts();
    /// For passes from now on: `frames` frames in other micro-batches of the batch, and their mask_counts(). The
    /// ratios' terms are then the batch's, and their gradients such that the micro-batches' mean is right.
    void set_others(const std::vector<double> &counts, int frames);
    /// Whether Ctrl-C ends a pass. Else a pass goes to its end, as other processes may wait for it.
    void stop_within_pass(bool stops) { stops_within_pass_ = stops; }
    /// Of the gradients that are there, over all parameters.
    double gradient_norm();
    /// The optimiser's step with the gradients that are there, whose norm it is.
    void update(const StepSettings &settings, double gradient_norm);
    /// A pass and, where loss and gradient are finite, the update. Where not, nothing has changed. An interrupted step
    /// changes nothing either.
    StepResult step(const StepSettings &settings);

    std::vector<double> numbers(TensorId id);

private:
    void write(TensorId id, const std::vector<double> &numbers);
    void set_scalars(const StepSettings &settings);
    void set_ratio_weights(const StepSettings &settings);
    std::vector<std::pair<TensorId, std::vector<double>>> running_statistics();
    StepResult result_of_pass(const StepSettings &settings);
    double norm_over_parameters();

    ModelDescription description_;
    RunShape shape_;
    UpdatePlan updates_;
    std::vector<WeightAverage> averages_;
    TrainingPlan training_;
    Executor executor_;
    int steps_ = 0;
    int other_frames_ = 0;
    bool stops_within_pass_ = true;
};

/// The kernels that training needs, each once, with every option's variants; in f32 also those that inference with the
/// description's ablations (docs/training.md) needs beside its own.
std::vector<KernelSpec> training_kernel_specs(const ModelDescription &description, Dtype dtype);

/// Name of the library that holds them.
std::string training_library(const ModelDescription &description);

}  // namespace afnet
