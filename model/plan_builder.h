// Lowers a network to a plan that infers: BatchNorm folded into convolutions, work lists instead of products with masks,
// and what parameters become packed constants, and how.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/network_builder.h"
#include "model/weights.h"
#include "runtime/kernel_library.h"
#include "runtime/plan.h"

namespace afnet {

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

/// What a focal block leaves on a pixel that its spatial mask rejects: act(shortcut + bias).
struct RejectedResponse {
    std::function<std::vector<float>(const Weights &)> bias;  // none: zero
    bool relu = false;
};

/// What a focal block with masks in space computes: frames that have all of their pixels computed, or else pixels and
/// tiles of a list; on GPUs pixels alone, in basic blocks lists alone. Counts are int32, the first of each is computed.
struct PatchCounts {
    TensorId whole = kNoTensor, points = kNoTensor, tiles = kNoTensor;
    int width = 0, height = 0, side = 1; // of frames; of tiles
};

/// A focal block that has masks.
struct MaskedBlock {
    std::string name;
    int selection = -1; // of LoweredNetwork::selections: what chooses its frames; -1: it has a choice of patches alone
};

/// A lowered network.
struct LoweredNetwork {
    Plan plan;
    std::vector<ParameterInfo> parameters;  // in the order of the state_dict
    std::vector<ConstantRecipe> constants;
    std::vector<ZeroResponse> zero_responses;
    std::vector<MaskedBlock> blocks;     // in layer order
    std::vector<Selection> selections;   // of each navigation of frames, in layer order: one for each block, or for all
    std::vector<PatchSelection> patches; // of each block; empty: no masks in space
    std::vector<PatchCounts> patch_counts; // of each of these
    TensorId video = kNoTensor;         // Input [3, x, y, f] with a border
    TensorId ones = kNoTensor;          // Constant int32 [f], all 1, where there is such a list
    TensorId logits = kNoTensor, clip_logits = kNoTensor, probabilities = kNoTensor;  // [k, f], [k, n], [k, n]
};

/// Names of the focal blocks that have masks, in layer order.
std::vector<std::string> masked_blocks(const LoweredNetwork &network);
/// The focal block that a step is part of, an index of these; -1: none. Choices of frames are no part of a block.
int block_of(const LoweredNetwork &network, const Step &step);
/// A step's MACs of one frame whose pixels are all computed; 0 where other steps do that.
double whole_frame_macs(const LoweredNetwork &network, const Step &step);

class PlanBuilder : public NetworkBuilder {
public:
    using NetworkBuilder::NetworkBuilder;

    LoweredNetwork &network() { return network_; }

    Feature input(int border) override;
    Feature stem(const std::string &conv, const std::string &norm, const Feature &in, int channels) override;
    Feature conv(const Feature &in, const ConvLayer &layer) override;
    Feature depthwise(const Feature &in, const ConvLayer &layer) override;
    Feature expand_depthwise(const Feature &in, const ConvLayer &expansion, const ConvLayer &spatial) override;
    Feature avg_pool(const std::string &label, const Feature &in) override;
    TensorId spatial_mean(const std::string &label, const Feature &in, const Feature *coarse = nullptr,
                          const Selection *selection = nullptr) override;
    TensorId linear(const std::string &key, TensorId in, int out, bool bias, const std::string &activation,
                    const Selection *selection = nullptr) override;
    Feature scale_channels(const std::string &label, const Feature &in, TensorId gate, const std::string &activation,
                           const Selection *selection = nullptr) override;
    /// In f32 one step.
    Feature gated_projection(const std::string &label, const Feature &in, TensorId gate, const std::string &activation,
                             const ConvLayer &layer) override;
    /// Navigation and work list.
    Selection navigate(const std::string &keys, const std::string &block, const Feature &ample) override;
    PatchSelection navigate_patches(const std::string &block, const Feature &ample, int grid,
                                    const Selection *frames) override;
    /// A block's work list without its navigation: the mask is an Input.
    Selection forced_selection(const std::string &block);
    /// The branch on the work list, and what unselected frames get: by the block's projection where it has one, else by
    /// a step of its own.
    Feature focal(FocalBlock &block, const Feature &in, const Feature &state, const FocalBranch &branch) override;
    Feature weighted(const std::string &label, const Feature &in, const Selection &selection) override;
    Feature fuse(const std::string &label, const Feature &ample, const Feature &focal, TensorId theta,
                 const std::string &activation) override;
    Feature add_branches(const std::string &label, const Feature &ample, const Feature &focal,
                         const std::string &activation) override;
    void head_consensus(TensorId logits, int classes) override;
    void tap(const std::string &name, TensorId tensor) override;

    void need(const std::string &key, std::vector<int64_t> shape);
    Feature feature(const std::string &name, int channels, int width, int height, int border = 0,
                    bool shiftable = false);

private:
    // How the focal block that is being lowered looks after its spatial mask: plan_builder_spatial.cpp.
    struct PatchLists {
        TensorId mask = kNoTensor;
        Selection listed, whole;  // its frames, point by point or with all their pixels; one of both has none
        Selection points, tiles;  // their counts
        TensorId point_list = kNoTensor, tile_list = kNoTensor, slots = kNoTensor;
        bool alone = false;                               // there is no way with all pixels
        int side = 2, point_frames = 0, tile_frames = 0;  // of tiles; entries of the lists
    };
    TensorId integers(const std::string &name, std::vector<int> extents, Storage storage = Storage::Arena);
    void choose_patches(PatchSelection &patches, const Feature &ample, int grid);
    Feature spatial_focal(FocalBlock &block, const Feature &in, const Feature &state, const FocalBranch &branch);
    PatchLists decide_patches(const FocalBlock &block, const Selection &frames, const Feature &state);
    PatchLists list_patches(const FocalBlock &block, const Selection &frames, const Feature &state);
    void choose_way(const FocalBlock &block, const Selection &frames, const Feature &state, PatchLists &lists);
    void list_convolved_tiles(const FocalBlock &block, const Feature &state, PatchLists &lists);
    TensorId list_tiles(const std::string &label, const PatchLists &lists, int side, const Feature &state,
                        TensorId count, TensorId slots);
    Feature shifted(const Feature &in, const std::string &label);
    Feature conv_on_frames(const Feature &in, const ConvLayer &layer);
    Feature conv_then_mask(const Feature &in, const ConvLayer &layer);
    Feature conv_at_points(const Feature &in, const ConvLayer &layer);
    Feature neighbours_at_points(const Feature &in, const ConvLayer &layer);
    Feature convolve_points(const Feature &in, const ConvLayer &layer, bool zero_point);
    Feature compact_points(const std::string &label, int channels, const Feature &of, bool zero_point);
    Feature gather_points(const Feature &in, const std::string &label);
    void scatter_points(const Feature &branch, const ConvLayer &layer);
    // What rejected pixels get, and when: plan_builder_owed.cpp.
    struct Owed {
        TensorId patches = kNoTensor;             // which of the responses each patch lacks
        std::vector<RejectedResponse> responses;  // of the module's blocks so far
    };
    void note_rejected(const ConvLayer &layer);
    int owed_groups(const Feature &stream) const;
    std::vector<Argument> patch_decision(const FocalBlock &block, const PatchLists &lists) const;
    TensorId responses_of(const Owed &owed, int channels, const std::string &label);
    Step &settle_step(const std::string &label, const Feature &stream, const Owed &owed, bool all);
    void settle_read_patches(const FocalBlock &block, const Feature &stream, const PatchLists &lists);
    void settle_all_patches(const Feature &stream, const std::string &label);
    void owe_patches(const FocalBlock &block, const Feature &stream, const PatchLists &lists);
    void add_owed(const Feature &stream, Step &step);
    bool pays_rejected_patches(const FocalBlock &block, const ConvLayer &projection) const;
    Feature patch_projection(const Feature &in, const ConvLayer &layer, const FocalBlock &block);
    void mask_pixels(const std::string &label, const Feature &at, const Selection &frames, const ConvLayer *unbiased);

    TensorId constant(const std::string &name);
    ElementType element_type() const;
    KernelSpec on_features(KernelSpec spec) const;
    void pack(TensorId id, std::function<PackedConstant(const Weights &, const KernelEntry &)> make);
    TensorId vector_tensor(const std::string &name, int channels);
    TensorId unused_list(TensorId &id, const char *name, std::vector<int> extents,
                         ElementType type = ElementType::Int32);
    TensorId unused_sources();
    TensorId unused_mask();
    TensorId identity_sources();
    void need_conv(const ConvLayer &layer, int in_channels);
    Frames all_frames(TensorId id) const;
    void require_zero_frame(TensorId id, const std::string &reader) const;
    Step &add_step(const std::string &label, KernelSpec kernel, const Selection *selection);
    void list_selected(const Selection &selection, const std::string &label);
    void finish_rejected(FocalBlock &block);
    TensorId unselected_residual(const FocalBlock &block);
    void fill_unselected(const FocalBlock &block, const Feature &state);
    void answer_unselected(FocalBlock &block, const Feature &in, const Feature &state, size_t first_constant,
                           const FocalBranch &branch);
    void add_unfinished(TensorId stream, Step &step);
    void compute_zero_response(const FocalBlock &block, int in_channels, const Feature &state, size_t first_constant,
                               const FocalBranch &branch);

    LoweredNetwork network_;
    // What a focal block still owes to unselected frames of its stream: F(0).
    struct Unfinished {
        TensorId residual = kNoTensor, mask = kNoTensor;
        int kernel = 3;
    };
    std::map<TensorId, Unfinished> unfinished_; // by stream
    std::map<TensorId, Owed> owed_;             // by stream
    std::map<std::vector<int>, TensorId> nothing_owed_;  // by extents
    RejectedResponse rejected_;                 // of the focal block that is being lowered
    const PatchLists *at_points_ = nullptr, *masking_ = nullptr;  // how conv() computes a focal branch
    bool projected_ = false;  // the focal block that is being lowered has a projection
    // That projection, where it pays what the block leaves on rejected pixels.
    struct Payment {
        PatchLists lists;  // what the block has decided
        TensorId rejected = kNoTensor;
        size_t step = 0;
    };
    std::optional<Payment> payment_;
    TensorId identity_ = kNoTensor, identity_count_ = kNoTensor, unused_sources_ = kNoTensor, unused_mask_ = kNoTensor,
             unused_weights_ = kNoTensor, no_frames_ = kNoTensor;
};

}  // namespace afnet
