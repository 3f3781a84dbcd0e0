// A network for batches of clips whose masks come from its navigation, or from outside.
#pragma once

#include <memory>
#include <vector>

#include "model/mask_policy.h"
#include "model/network.h"
#include "model/weights_file.h"

namespace afnet {

/// What a network made of one clip.
struct MaskedResult {
    std::vector<float> probabilities;      // by class
    ClipMasks masks;                       // [block][t], as they were used
    std::vector<std::vector<double>> keep; // [block][t]: the navigation's probability that it computes the frame
};

/// Two networks of the same weights at most, made when they are first needed.
class MaskedNetwork {
public:
    /// `model` and `kernels` must outlive it.
    MaskedNetwork(const LoadedModel &model, KernelStore &kernels, const RunShape &shape);

    const RunShape &shape() const { return shape_; }
    /// Names of focal blocks, in layer order.
    const std::vector<std::string> &blocks() const { return blocks_; }

    /// Runs on as many clips as `pixels` has, at most shape().clips; frames are [3, x, y], one after the other, or from
    /// the last one of each clip to its first. The navigation chooses; where there are `noise_keys`, one for each clip,
    /// with Gumbel noise.
    std::vector<MaskedResult> run(const std::vector<float> &pixels, bool reversed,
                                  const std::vector<MaskKey> &noise_keys = {});
    /// The same with given masks for each clip.
    std::vector<MaskedResult> run_forced(const std::vector<float> &pixels, bool reversed,
                                         const std::vector<ClipMasks> &masks);

    /// Milliseconds that the last run took, without copying in and out.
    double last_ms() const { return last_ms_; }

private:
    Network &network(bool forced);
    size_t show(Network &network, const std::vector<float> &pixels, bool reversed) const;
    std::vector<MaskedResult> finish(Network &network, size_t clips);

    const LoadedModel &model_;
    KernelStore &kernels_;
    RunShape shape_;
    std::vector<std::string> blocks_;
    std::unique_ptr<Network> choosing_, forced_;
    double last_ms_ = 0;
};

} // namespace afnet
