// The networks of one model that a study of masks compares: without masks, with forced masks of frames, and with forced
// masks in space besides.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/forced_run.h"
#include "bench/sparsity_steps.h"
#include "model/weights_file.h"

namespace afnet {

/// A network with masks, and what its steps are to the one without.
struct StudiedNetwork {
    std::unique_ptr<Network> network;
    StepRoles roles;
};

class StudyNetworks {
public:
    /// Loads the network without masks. All see `clip`, a video or a folder of frames; empty: a made-up one by `seed`.
    /// Throws Error where the clip cannot be read.
    StudyNetworks(const LoadedModel &model, const RunShape &shape, KernelStore &kernels, std::string clip,
                  uint64_t seed);

    const RunShape &shape() const { return shape_; }
    Network &dense() { return *dense_; }
    /// Masks of frames are forced, those in space are none; the model has masks of frames.
    StudiedNetwork &frames();
    /// Masks of so many patches across and down are forced, and those of frames where the model has them. Their
    /// navigations run all the same, because a real run needs them; a model without one for patches gets one of made-up
    /// weights.
    StudiedNetwork &patches(int grid);
    /// What the model's own navigations decide on the clip: frames, where it has masks of them, and patches.
    const ForcedMasks &learned();

private:
    std::unique_ptr<Network> open(const ModelDescription &description, const RunShape &shape);
    StudiedNetwork masked(const ModelDescription &description);
    void read_frames(KernelStore &kernels, const std::string &clip);

    const LoadedModel &model_;
    RunShape shape_;
    KernelStore &kernels_;
    uint64_t seed_;
    std::vector<std::vector<float>> clip_; // normalised frames; none: a made-up clip
    std::unique_ptr<Network> dense_;
    std::unique_ptr<StudiedNetwork> frames_;
    std::map<int, StudiedNetwork> patches_; // by grid
    std::unique_ptr<ForcedMasks> learned_;
};

} // namespace afnet
