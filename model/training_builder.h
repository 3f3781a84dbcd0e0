// Lowers a network to a plan that trains it: the forward pass with batch statistics, the loss, and, from a tape of what
// the forward pass did, the backward pass. Kernels: generators/*_forward, *_grad and so on. Everything is of the run's
// dtype T: f32, or f64 for checks.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/network_builder.h"
#include "model/weights.h"

namespace afnet {

/// What is trained how; everything that shapes the plan.
struct TrainingChoices {
    std::function<bool(const std::string &key)> trained = [](const std::string &) { return true; };
    /// Of a BatchNorm, by its prefix: normalise by the running statistics and leave them alone.
    std::function<bool(const std::string &norm)> frozen_norm = [](const std::string &) { return false; };
    bool drop = false;     // a dropout layer in front of the classifier
    bool average = false;  // moving averages of the weights (model/weight_average.h)
};

/// A parameter under training.
struct TrainedParameter {
    ParameterInfo info;  // key and PyTorch's shape
    TensorId value = kNoTensor;
    TensorId gradient = kNoTensor;  // kNoTensor: not trained
    bool output_innermost = false;  // stored as [co, ci, u, v] (PyTorch's order reversed but for co), else as PyTorch does
};

/// A BatchNorm's running statistics.
struct RunningStatistics {
    std::string norm;  // prefix of `running_mean` and `running_var`
    int channels = 0;
    TensorId mean = kNoTensor, variance = kNoTensor;
};

/// A focal block's choice of patches under training.
struct TrainedPatches {
    PatchSelection selection;       // its masks are numbers of the run's type
    TensorId frames = kNoTensor;    // the temporal mask [f] of the frames whose patches count; kNoTensor: all do
    TensorId ratio_error = kNoTensor; // (target - ratio)^2, [1]
    size_t ratio_step = 0;          // the step that computes it
};

/// A plan whose steps [0, forward_end) are a forward pass, and [forward_end, backward_end) the backward pass.
struct TrainingPlan {
    Plan plan;
    size_t forward_end = 0, backward_end = 0;
    std::vector<TrainedParameter> parameters;  // in the order of the state_dict, running statistics apart
    std::vector<RunningStatistics> statistics;
    std::vector<ParameterInfo> state_dict;  // all keys in their order
    std::vector<Selection> selections;      // of navigations, in layer order; their masks are numbers of type T
    std::vector<TensorId> ratio_errors;     // per selection: (target - mean mask)^2, [1]
    std::vector<size_t> ratio_steps;        // per selection: the step that computes it
    std::vector<TrainedPatches> patches;    // in layer order
    TensorId video = kNoTensor;             // Input T [3, x, y, f] with a border
    TensorId labels = kNoTensor;            // Input int32 [n]
    TensorId dropout = kNoTensor;           // Input float [c, f], uniform numbers; kNoTensor without dropout
    TensorId logits = kNoTensor, clip_logits = kNoTensor, losses = kNoTensor;  // [k, f], [k, n], [n]
};

// Scalars of the plan's steps that change from step to step (Executor::set_scalar).
constexpr const char *kTemperature = "temperature";  // of the Gumbel softmax
constexpr const char *kTargetRatio = "target_ratio";       // of selected frames
constexpr const char *kRatioWeight = "weight";       // lambda / number of selections
constexpr const char *kOtherSelected = "other_selected", *kOtherFrames = "other_frames";  // of other micro-batches
constexpr const char *kTargetPatchRatio = "target_patch_ratio", *kPatchRatioWeight = "patch_weight";  // of patches
constexpr const char *kOtherSelectedPatches = "other_selected_patches", *kOtherPatches = "other_patches";
constexpr const char *kDropoutRate = "rate";         // of dropout

class TrainingBuilder : public NetworkBuilder {
public:
    TrainingBuilder(bool shift, const RunShape &shape, TrainingChoices choices);

    /// What was lowered, with its backward pass. Call once.
    TrainingPlan finish();

    Feature input(int border) override;
    Feature stem(const std::string &conv, const std::string &norm, const Feature &in, int channels) override;
    Feature conv(const Feature &in, const ConvLayer &layer) override;
    Feature depthwise(const Feature &in, const ConvLayer &layer) override;
    Feature avg_pool(const std::string &label, const Feature &in) override;
    TensorId spatial_mean(const std::string &label, const Feature &in, const Feature *coarse,
                          const Selection *selection) override;
    TensorId linear(const std::string &key, TensorId in, int out, bool bias, const std::string &activation,
                    const Selection *selection) override;
    Feature scale_channels(const std::string &label, const Feature &in, TensorId gate, const std::string &activation,
                           const Selection *selection) override;
    Selection navigate(const std::string &keys, const std::string &block, const Feature &ample) override;
    PatchSelection navigate_patches(const std::string &block, const Feature &ample, int grid,
                                    const Selection *frames) override;
    Feature focal(FocalBlock &block, const Feature &in, const Feature &state, const FocalBranch &branch) override;
    Feature weighted(const std::string &label, const Feature &in, const Selection &selection) override;
    Feature fuse(const std::string &label, const Feature &ample, const Feature &focal, TensorId theta,
                 const std::string &activation) override;
    Feature add_branches(const std::string &label, const Feature &ample, const Feature &focal,
                         const std::string &activation) override;
    TensorId drop(TensorId in) override;
    void head_consensus(TensorId logits, int classes) override;
    void tap(const std::string &name, TensorId tensor) override;

private:
    enum class Kind { Convolution, Depthwise };
    // A BatchNorm's constants and where its statistics are.
    struct Norm {
        std::string key;
        TensorId gamma, beta, mean, variance;
        bool frozen;
    };

    TensorId add(const std::string &name, std::vector<int> extents, Storage storage, ElementType type);
    TensorId numbers(const std::string &name, std::vector<int> extents, Storage storage = Storage::Arena);
    Feature feature(const std::string &name, int channels, int width, int height, int border = 0);
    /// With as many frames, or tiles, as `like`.
    Feature feature_like(const std::string &name, const Feature &like, int channels, int width, int height,
                         int border = 0);
    TensorId parameter(const std::string &key, std::vector<int64_t> shape, std::vector<int> extents,
                       bool output_innermost);
    TensorId vector_parameter(const std::string &key, int length);
    Norm norm_parameters(const std::string &key, int channels);
    KernelSpec typed(KernelSpec spec) const;
    Step &step(const std::string &label, KernelSpec kernel, std::vector<Argument> arguments);

    // The tape.
    void record(std::function<void()> backward) { tape_.push_back(std::move(backward)); }
    bool wanted(TensorId tensor) const;            // whether somebody asks for the gradient
    bool has_gradient(TensorId tensor) const;      // whether some consumer has given one
    TensorId gradient(TensorId tensor);            // the tensor that holds it
    bool gradient_written(TensorId tensor);        // has_gradient() so far; true from now on
    TensorId parameter_gradient(TensorId value) const;

    Feature shifted(const std::string &label, const Feature &in, bool shifts, const Selection *selection, int border);
    Feature convolved(Kind kind, const Feature &in, const ConvLayer &layer);
    Feature normalized(const std::string &label, const std::string &norm, const Feature &in, const Feature *residual,
                       const std::string &activation, int border);
    void running_statistics(const Norm &norm, int pixels, TensorId mean, TensorId variance, TensorId normalised);
    TensorId activated(const std::string &label, TensorId in, const std::string &activation);

    // Masks in space: training_builder_spatial.cpp.
    Feature masked_patches(const std::string &label, const Feature &in, const PatchSelection &patches,
                           const Selection *frames, int border);
    void add_part(const std::string &label, TensorId of, const std::function<void(TensorId)> &emit);

    // Sparse training: training_builder_sparse.cpp.
    bool sparse() const { return shape().unselected == Unselected::Skipped; }
    void list_frames(const std::string &keys, Selection &selection);
    const Selection *list_of(TensorId tensor) const; // nullptr: the tensor has all frames
    void follow(TensorId tensor, TensorId leader);   // it has the frames that `leader` has
    void govern(Step &step);
    Feature gathered(const std::string &label, const Feature &in, const Selection &selection, int border);
    Feature scattered(const std::string &label, const Feature &branch, const Feature &state, const Selection &selection,
                      const std::string &activation);
    TensorId gradient_before(const std::string &label, TensorId out, const std::string &activation);
    void hand_on_gradient(const std::string &label, const Feature &state, TensorId d_sum);
    void mask_gradient(const std::string &label, const Selection &selection, TensorId worth);

    // Sparse training with masks in space: training_builder_tiles.cpp.
    struct TileList {
        PatchSelection patches;
        std::optional<Selection> frames; // none: all are selected
        Selection list;                  // of tiles: its sources and count
        TensorId places = kNoTensor, slots = kNoTensor;
        int side = 0;
    };
    static Argument slots_of(const TileList &tiles, bool border);
    TileList list_tiles(const Feature &map, const PatchSelection &patches, const Selection *frames);
    Feature compact_feature(const std::string &name, int channels, const TileList &tiles);
    Feature gathered_tiles(const std::string &label, const Feature &in, const TileList &tiles);
    TensorId surrounded_tiles(const std::string &label, TensorId in, const TileList &tiles);
    Feature convolved_tiles(const Feature &in, const ConvLayer &layer, const TileList &tiles);
    Feature scattered_tiles(const std::string &label, const Feature &branch, const Feature &state,
                            const TileList &tiles, const std::string &activation);
    void tile_mask_gradient(const std::string &label, const TileList &tiles, TensorId worth);
    Feature conv_of_tiles(const Feature &in, const ConvLayer &layer, const TileList &tiles);

    Argument unread(const std::string &name, TensorId like) const { return {name, like, Frames::All, 0, false, true}; }
    TensorId unread_mask();

    TrainingChoices choices_;
    TrainingPlan result_;
    std::vector<std::function<void()>> tape_;
    std::vector<TensorId> gradients_;  // by tensor
    std::vector<bool> written_, unwanted_;
    TensorId unread_mask_ = kNoTensor;
    std::map<TensorId, Selection> lists_; // of compact tensors
    // Of the focal branch that is being lowered.
    const PatchSelection *patches_ = nullptr; // masked
    std::optional<TileList> tiles_;           // sparse
};

}  // namespace afnet
