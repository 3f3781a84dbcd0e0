// A network for batches of clips whose masks come from its navigation, or from outside.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "model/mask_policy.h"
#include "model/network.h"
#include "model/patch_masks.h"
#include "model/weights_file.h"

namespace afnet {

/// What a network made of one clip.
struct MaskedResult {
    std::vector<float> probabilities;      // by class
    ClipMasks masks;                       // [block][t], as they were used; 1 where masks are of patches alone
    std::vector<std::vector<double>> keep; // [block][t]: the navigation's probability that it computes the frame
    ClipPatches patches;                   // [block] of [column, row, t], as they were used; empty: no masks in space
    int grid = 0;                          // patches across and down a frame
    double macs = 0;                       // that were computed: convolutions and linears
};

/// Masks of each clip of a batch, of frames MaskedNetwork::selections(). An empty list leaves the choice to the
/// navigation.
struct GivenMasks {
    std::vector<ClipMasks> frames;
    std::vector<ClipPatches> patches;
};

/// Networks of the same weights, one for each kind of masks that are given, made when they are first needed.
class MaskedNetwork {
public:
    /// `model` and `kernels` must outlive it. `grid`: patches across and down a frame where their masks are given.
    MaskedNetwork(const LoadedModel &model, KernelStore &kernels, const RunShape &shape, int grid);

    const RunShape &shape() const { return shape_; }
    /// Of given masks.
    int grid() const { return grid_; }
    /// Names of focal blocks, in layer order.
    const std::vector<std::string> &blocks() const { return blocks_; }
    /// How many masks of frames a clip is given: one for each block, or one that all blocks share.
    size_t selections() const { return selections_; }

    /// Runs on as many clips as `pixels` has, at most shape().clips; frames are [3, x, y], one after the other, or from
    /// the last one of each clip to its first. The navigation chooses; where there are `noise_keys`, one for each clip,
    /// with Gumbel noise.
    std::vector<MaskedResult> run(const std::vector<float> &pixels, bool reversed,
                                  const std::vector<MaskKey> &noise_keys = {});
    /// The same with given masks.
    std::vector<MaskedResult> run_given(const std::vector<float> &pixels, bool reversed, const GivenMasks &masks);

    /// Milliseconds that the last run took, without copying in and out.
    double last_ms() const { return last_ms_; }

private:
    Network &network(bool frames_given, bool patches_given);
    size_t show(Network &network, const std::vector<float> &pixels, bool reversed) const;
    std::vector<MaskedResult> finish(Network &network, size_t clips);

    const LoadedModel &model_;
    KernelStore &kernels_;
    RunShape shape_;
    int grid_;
    std::vector<std::string> blocks_;
    size_t selections_ = 0;
    std::map<std::pair<bool, bool>, std::unique_ptr<Network>> networks_; // by what is given: frames, patches
    double last_ms_ = 0;
};

} // namespace afnet
