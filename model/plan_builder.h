// The vocabulary in which networks are lowered: features, layers, work lists. Each call adds steps to a plan, and
// notes which parameters they need and how these become packed constants.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/weights.h"
#include "runtime/kernel_library.h"
#include "runtime/plan.h"

namespace afnet {

/// What an unselected frame gets from a focal block (AFNET_SPEC §2.7).
enum class Unselected {
    Masked,   // shortcut + F(0), as the released code computes
    Skipped,  // the shortcut alone, as the paper says
};

/// How a network is run: everything about it that weights do not fix.
struct RunShape {
    int frames = 12;  // T, per clip
    int clips = 1;
    int width = 224, height = 224;
    Unselected unselected = Unselected::Masked;
    bool forced_masks = false;  // masks are an input instead of the navigation's
    bool gumbel_noise = false;  // the navigation adds noise from its input `uniform`
    /// Focal blocks compute all frames with plain kernels: no navigation, no lists, no selections. What masks cost is
    /// measured against this network.
    bool without_masks = false;
    Dtype dtype = Dtype::F32;   // of activations; the clip, vectors and scores are floats in any case
    int flat_frames() const { return frames * clips; }
};

/// An activation [c, x, y, f] of the plan.
struct Feature {
    TensorId tensor = kNoTensor;
    int channels = 0, width = 0, height = 0;
};

/// A constant as its kernel wants it.
struct PackedConstant {
    std::vector<int> extents;
    std::vector<float> elements;
};

/// How a constant is made at load, given the kernel of the step that reads it.
struct ConstantRecipe {
    TensorId tensor = kNoTensor;
    size_t step = 0;
    std::function<PackedConstant(const Weights &, const KernelEntry &)> make;
};

/// A focal block's F(0): its own kernels run once, at load, on one frame of zeroes.
struct ZeroResponse {
    TensorId constant = kNoTensor;  // in the network's plan: the distinct columns and rows of F(0), [c, m_x, m_y, 1]
    int kernel = 3;                 // of the block's spatial convolution
    Plan plan;
    TensorId count = kNoTensor;   // in `plan`: Input int32 [1], to be set to 1
    TensorId result = kNoTensor;  // in `plan`: F(0) whole, [c, x, y, 1]
    std::vector<ConstantRecipe> constants;  // of `plan`
    std::vector<size_t> originals;          // for each of them, the network's constant of the same parameters
};

/// One focal block's dynamic choice.
struct Selection {
    std::string name;             // the block, e.g. `layer1.refine_module.0`
    TensorId mask = kNoTensor;    // int32 [f]
    TensorId logits = kNoTensor;  // [2, f], without noise
    TensorId sources = kNoTensor;
    TensorId count = kNoTensor;
    TensorId uniform = kNoTensor;  // Input [2, f]: u of the Gumbel noise
    TensorId forced = kNoTensor;   // Input int32 [f], where masks are forced
};

/// A lowered network.
struct LoweredNetwork {
    Plan plan;
    std::vector<ParameterInfo> parameters;  // in the order of the state_dict
    std::vector<ConstantRecipe> constants;
    std::vector<ZeroResponse> zero_responses;
    std::vector<Selection> selections;  // in layer order
    TensorId video = kNoTensor;         // Input [3, x, y, f] with a border
    TensorId ones = kNoTensor;          // Constant int32 [f], all 1, where there is such a list
    TensorId logits = kNoTensor, clip_logits = kNoTensor, probabilities = kNoTensor;  // [k, f], [k, n], [k, n]
};

/// Which frames a layer reads and writes.
enum class Gather {
    None,      // frame for frame
    Shifted,   // all frames, each with its neighbours' channels (TSM); plain when the network has no shift
    Selected,  // the listed frames, shifted when the network shifts
    Compact,   // frame for frame, of a compact tensor: only the first `count`
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
    Feature onto;                          // residual and destination, in place; kNoTensor: a new tensor
    int border = 0;                        // of the new tensor
    bool shiftable = false;                // a later layer reads the new tensor through TSM
};

class PlanBuilder {
public:
    PlanBuilder(bool shift, const RunShape &shape) : shift_(shift), shape_(shape) {}

    LoweredNetwork &network() { return network_; }
    const RunShape &shape() const { return shape_; }
    bool shift() const { return shift_; }

    Feature input(int border);
    Feature stem(const std::string &conv, const std::string &norm, const Feature &in, int channels);
    Feature conv(const Feature &in, const ConvLayer &layer);
    Feature depthwise(const Feature &in, const ConvLayer &layer);
    /// `expansion`, a 1x1 convolution, and the depthwise convolution behind it, in one step.
    Feature expand_depthwise(const Feature &in, const ConvLayer &expansion, const ConvLayer &spatial);
    Feature avg_pool(const std::string &label, const Feature &in);

    /// Mean over pixels, [c, f]; with `coarse`, of the sum with an enlarged tensor.
    TensorId spatial_mean(const std::string &label, const Feature &in, const Feature *coarse = nullptr,
                          const Selection *selection = nullptr);
    /// Keys `<key>.weight` [out, in(, 1, 1)] and, with `bias`, `<key>.bias`.
    TensorId linear(const std::string &key, TensorId in, int out, bool bias, const std::string &activation,
                    const Selection *selection = nullptr);
    /// Gates channels and applies the activation, in place.
    void scale_channels(const std::string &label, const Feature &in, TensorId gate, const std::string &activation,
                        const Selection *selection = nullptr);

    /// `layer`, a 1x1 convolution with a linear end, of `in` with its channels gated and activated. In f32 one step.
    Feature gated_projection(const std::string &label, const Feature &in, TensorId gate, const std::string &activation,
                             const ConvLayer &layer);

    /// Navigation and work list of one focal block. `keys`: prefix of conv_pool, bn and conv_gs.
    Selection navigate(const std::string &keys, const std::string &block, const Feature &ample);
    /// What the focal branch leaves on unselected frames, in place.
    void fill_unselected(const std::string &block, const Feature &state, const Selection &selection, TensorId residual,
                         int kernel, const std::string &activation);
    /// Dynamic fusion in place on the focal branch.
    void fuse(const std::string &label, const Feature &ample, const Feature &focal, TensorId theta,
              const std::string &activation);
    void head_consensus(TensorId logits, int classes);

    /// A residual branch on selected frames, for fill_unselected: `branch` adds its steps to a builder, reading and
    /// adding onto the features that it is given, with a linear end.
    using FocalBranch = std::function<void(PlanBuilder &, const Feature &in, const Feature &onto, const Selection &)>;
    /// F(0) of a branch that reads `in_channels` and writes `state`; `first_constant` is the index of the branch's first
    /// constant in this builder.
    TensorId zero_response(const std::string &block, int in_channels, const Feature &state, int kernel,
                           size_t first_constant, const FocalBranch &branch);
    /// The residual of `skipped`: nothing.
    TensorId zero_residual(const std::string &block, int channels);

    void need(const std::string &key, std::vector<int64_t> shape);
    void tap(const std::string &name, TensorId tensor);
    Feature feature(const std::string &name, int channels, int width, int height, int border = 0,
                    bool shiftable = false);

private:
    TensorId constant(const std::string &name);
    ElementType element_type() const;
    KernelSpec on_features(KernelSpec spec) const;
    void pack(TensorId id, std::function<PackedConstant(const Weights &, const KernelEntry &)> make);
    TensorId vector_tensor(const std::string &name, int channels);
    TensorId unused_sources();
    TensorId identity_sources();
    void need_conv(const ConvLayer &layer, int in_channels);
    Frames all_frames(TensorId id) const;
    void require_zero_frame(TensorId id, const std::string &reader) const;
    Step &add_step(const std::string &label, KernelSpec kernel, const Selection *selection);

    bool shift_;
    RunShape shape_;
    LoweredNetwork network_;
    TensorId identity_ = kNoTensor, unused_ = kNoTensor;
};

}  // namespace afnet
