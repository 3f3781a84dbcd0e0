// The vocabulary in which networks are lowered: features, layers, selections. Each call adds steps to a plan. What the
// words mean, to infer or to train, is a builder's affair (model/plan_builder.h, model/training_builder.h); the
// networks (model/lower_*.cpp) are written once.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <string>

#include "model/description.h"
#include "model/unselected.h"
#include "runtime/error.h"
#include "runtime/dtype.h"
#include "runtime/plan.h"

namespace afnet {

/// How a network is run: everything about it that weights do not fix.
struct RunShape {
    int frames = 12;  // T, per clip
    int clips = 1;
    int width = 224, height = 224;
    Unselected unselected = Unselected::Masked;
    bool forced_masks = false; // temporal masks are an input instead of the navigation's
    /// Above 0: focal blocks have masks of so many patches across and down, which are an input, whatever the network's
    /// own masks are. Its temporal ones are as ever, forced or not. 0: masks in space are the navigation's, if any.
    int forced_grid = 0;
    /// Masks in space of a network that has them are an input, and its navigation runs all the same: what a study of
    /// times needs.
    bool forced_patches = false;
    bool gumbel_noise = false; // both navigations add noise from their inputs `uniform`
    /// Focal blocks compute all frames with plain kernels: no navigation, no lists, no selections. What masks cost is
    /// measured against this network.
    bool without_masks = false;
    /// The navigation's probabilities weigh frames, and all are computed. lower() takes it from the description, where
    /// masks are the navigation's.
    bool soft_masks = false;
    /// Every tapped tensor is whole when its tap's step is done. Else the fusion gives unselected frames what the last
    /// focal block owes them, and that block has no tap.
    bool taps = false;
    /// The plan is one for kernels on GPUs, which learns no count on the host (docs/gpu.md). Network sets it.
    bool on_gpu = false;
    /// Convolutions of all frames have TSM's shift in front of them, as a step of its own: a vendor's library knows none
    /// (docs/gpu.md). Network sets it where such libraries serve every layer that they can.
    bool shift_apart = false;
    Dtype dtype = Dtype::F32;   // of activations; the clip, vectors and scores are floats in any case
    int flat_frames() const { return frames * clips; }
};

/// An activation [c, x, y, f] of the plan.
struct Feature {
    TensorId tensor = kNoTensor;
    int channels = 0, width = 0, height = 0;
};

/// Columns or rows behind a layer whose padding keeps them at stride 1.
inline int strided(int extent, int stride) {
    return (extent - 1) / stride + 1;
}

/// A tensor that a k x k layer reads has a border of zeroes that is wide enough.
inline void widen_border(TensorInfo &tensor, int kernel) {
    tensor.border = std::max(tensor.border, (kernel - 1) / 2);
}

/// A dynamic choice of frames: one focal block's, or one that all share.
struct Selection {
    std::string name;             // the (first) block, e.g. `layer1.refine_module.0`
    bool soft = false;            // `mask` holds weights from 0 to 1; there is no list
    TensorId mask = kNoTensor;    // [f]: int32, or numbers of the run's type where it is soft, and in training
    TensorId logits = kNoTensor;  // [2, f], without noise
    TensorId sources = kNoTensor;
    TensorId count = kNoTensor;
    TensorId uniform = kNoTensor;  // Input [2, f]: u of the Gumbel noise
    TensorId forced = kNoTensor;   // Input [f], where masks are forced
    TensorId deciding_mask() const { return forced != kNoTensor ? forced : mask; }
};

/// One focal block's choice of patches (docs/spatial.md). Its parameters: model/patch_navigation.h.
struct PatchSelection {
    std::string name;              // the block
    TensorId mask = kNoTensor;     // `<block>.spatial_mask` [gx, gy, f]: int32, or numbers of the run's type in training
    TensorId logits = kNoTensor;   // `<block>.spatial_logits` [2, gx, gy, f], without noise
    TensorId uniform = kNoTensor;  // Input `<block>.spatial_uniform` [2, gx, gy, f]: u of the Gumbel noise
    TensorId forced = kNoTensor;   // Input `<block>.forced_spatial_mask` [gx, gy, f], where masks are forced
    TensorId deciding_mask() const { return forced != kNoTensor ? forced : mask; }
};

/// Which frames a layer reads and writes.
enum class Gather {
    None,      // frame for frame
    Shifted,   // all frames, each with its neighbours' channels (TSM); plain when the network has no shift
    Selected,  // the listed frames, shifted when the network shifts
    Compact,   // frame for frame, of a compact tensor: only the first `count`
};

/// A residual branch that is computed for selected frames, onto a stream that all frames have.
struct FocalBlock {
    std::string key;
    int channels = 0;                      // of the stream
    int kernel = 3;                        // of the branch's spatial convolution
    const Selection *selection = nullptr;  // nullptr: all frames are computed
    std::string activation;                // behind the sum
    bool fused_next = false;               // only spatial_mean() and fuse() read the stream behind it
    bool focal_next = false;               // only the next focal block reads it
    const PatchSelection *patches = nullptr;  // nullptr: all pixels of these frames
    bool basic = false;                       // the branch is two 3x3 convolutions

    // The builder's own notes: what unselected frames get, and whether the block's projection has given it to them.
    TensorId residual = kNoTensor;
    bool finished = false;
};

/// A convolution with its BatchNorm. Keys are prefixes: `<conv>.weight`, `<norm>.weight` and so on.
struct ConvLayer {
    std::string label;  // for traces
    std::string conv, norm;
    int out = 0, kernel = 1, stride = 1, groups = 1;
    std::string activation = "relu";
    Gather gather = Gather::None;
    const Selection *selection = nullptr;  // with Gather::Selected and Compact, and scatter
    bool scatter = false;                  // write the listed frames of `onto`
    Feature onto;                          // residual; to infer, the destination too; kNoTensor: a new tensor
    int border = 0;                        // of the new tensor
    bool shiftable = false;                // a later layer reads the new tensor through TSM
    FocalBlock *projects = nullptr;        // this is the projection at the entry of a focal stream, and linear
};

class NetworkBuilder {
public:
    NetworkBuilder(bool shift, const RunShape &shape) : shift_(shift), shape_(shape) {}
    virtual ~NetworkBuilder() = default;

    const RunShape &shape() const { return shape_; }
    bool shift() const { return shift_; }

    virtual Feature input(int border) = 0;
    virtual Feature stem(const std::string &conv, const std::string &norm, const Feature &in, int channels) = 0;
    virtual Feature conv(const Feature &in, const ConvLayer &layer) = 0;
    virtual Feature depthwise(const Feature &in, const ConvLayer &layer) = 0;
    /// `expansion`, a 1x1 convolution, and the depthwise convolution behind it.
    virtual Feature expand_depthwise(const Feature &in, const ConvLayer &expansion, const ConvLayer &spatial) {
        ConvLayer first = expansion;
        first.border = (spatial.kernel - 1) / 2;
        return depthwise(conv(in, first), spatial);
    }
    virtual Feature avg_pool(const std::string &label, const Feature &in) = 0;

    /// Mean over pixels, [c, f]; with `coarse`, of the sum with an enlarged tensor.
    virtual TensorId spatial_mean(const std::string &label, const Feature &in, const Feature *coarse = nullptr,
                                  const Selection *selection = nullptr) = 0;
    /// Keys `<key>.weight` [out, in(, 1, 1)] and, with `bias`, `<key>.bias`.
    virtual TensorId linear(const std::string &key, TensorId in, int out, bool bias, const std::string &activation,
                            const Selection *selection = nullptr) = 0;
    /// Gates channels and applies the activation; to infer, in place.
    virtual Feature scale_channels(const std::string &label, const Feature &in, TensorId gate,
                                   const std::string &activation, const Selection *selection = nullptr) = 0;

    /// `layer`, a 1x1 convolution with a linear end, of `in` with its channels gated and activated.
    virtual Feature gated_projection(const std::string &label, const Feature &in, TensorId gate,
                                     const std::string &activation, const ConvLayer &layer) {
        const Selection *selection = layer.gather == Gather::Compact ? layer.selection : nullptr;
        return conv(scale_channels(label, in, gate, activation, selection), layer);
    }

    /// What chooses the frames of focal block `block`: a navigation of its own, as navigate() takes it, or that of the
    /// first block that asks, where the description says that all share it. nullptr: nothing does, all are computed.
    const Selection *choose_frames(const ModelDescription &d, const std::string &keys, const std::string &block,
                                   const Feature &ample) {
        if (!d.temporal() || shape_.without_masks) return nullptr;
        if (choices_.empty() || !d.shares_temporal_mask()) choices_.push_back(navigate(keys, block, ample));
        return &choices_.back();
    }
    /// Navigation of one focal block. `keys`: prefix of conv_pool, bn and conv_gs.
    virtual Selection navigate(const std::string &keys, const std::string &block, const Feature &ample) = 0;
    /// Spatial navigation of one focal block: of `grid` by `grid` patches of the frames that `frames` selects; nullptr:
    /// of all frames. Its parameters: model/patch_navigation.h.
    virtual PatchSelection navigate_patches(const std::string &block, const Feature &, int, const Selection *) {
        throw Error(block + ": networks with masks in space cannot be trained yet");
    }
    /// Adds a branch's steps to a builder, which may be another one: it reads `in` and adds onto `onto`.
    using FocalBranch = std::function<Feature(NetworkBuilder &, const Feature &in, const Feature &onto,
                                              const Selection *, const std::string &activation)>;
    /// The stream behind a focal block: `state` with `branch(in)` added, on selected frames or as RunShape says.
    virtual Feature focal(FocalBlock &block, const Feature &in, const Feature &state, const FocalBranch &branch) = 0;
    /// What a focal branch reads where the selection is soft: frames, shifted where the network shifts, times their
    /// weights.
    virtual Feature weighted(const std::string &label, const Feature &in, const Selection &selection) = 0;
    /// Dynamic fusion of both branches; to infer, in place on the focal one.
    virtual Feature fuse(const std::string &label, const Feature &ample, const Feature &focal, TensorId theta,
                         const std::string &activation) = 0;
    /// Fusion by addition; to infer, in place on the focal branch.
    virtual Feature add_branches(const std::string &label, const Feature &ample, const Feature &focal,
                                 const std::string &activation) = 0;
    /// In front of the classifier: dropout, where the builder trains.
    virtual TensorId drop(TensorId in) { return in; }
    virtual void head_consensus(TensorId logits, int classes) = 0;

    /// Names what a module leaves, for observers.
    virtual void tap(const std::string &name, TensorId tensor) = 0;

private:
    bool shift_;
    RunShape shape_;
    std::deque<Selection> choices_; // of frames; focal blocks point to them
};

}  // namespace afnet
