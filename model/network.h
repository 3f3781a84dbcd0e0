// A network ready to run: a lowered description bound to kernels and weights.
#pragma once

#include <string>
#include <vector>

#include "model/load_times.h"
#include "model/lowering.h"
#include "runtime/executor.h"

namespace afnet {

class Network {
public:
    /// Lowers, finds kernels, packs weights on all threads and computes every focal block's F(0). Throws Error when a
    /// kernel or a parameter is missing, Interrupted after Ctrl-C. Threads call `weights` at the same time.
    Network(const ModelDescription &description, const RunShape &shape, KernelStore &kernels, const Weights &weights);

    const ModelDescription &description() const { return description_; }
    const RunShape &shape() const { return shape_; }
    const LoweredNetwork &lowered() const { return lowered_; }
    Executor &executor() { return executor_; }
    /// All but `weights`, which are read before; `kernels` without the manifests that are read before.
    const LoadTimes &load_times() const { return load_times_; }

    /// Copies one normalised frame [3, x, y] into the input.
    void set_frame(int flat_frame, const float *pixels);

    /// Fills the input with the recipe's clips (model/recipe.h).
    void fill_recipe_video(uint64_t seed);

    /// Draws the noise of every navigation from the recipe's stream with this seed; needs RunShape::gumbel_noise.
    void draw_gumbel(uint64_t seed);

    /// Whether the navigation adds noise, from now on; and u of it, of the selection `index`, [2, f], and of the block
    /// `index`'s patches, [2, gx, gy, f].
    void use_gumbel(bool noise) { executor_.set_scalars("stochastic", noise ? 1 : 0); }
    void set_gumbel(size_t index, const std::vector<float> &uniform);
    void set_patch_gumbel(size_t index, const std::vector<float> &uniform);

    /// Fixes the mask [f] of the selection `index`, for all blocks that follow it; needs RunShape::forced_masks.
    void force_mask(size_t index, const std::vector<int> &mask);

    /// Fixes block `index`'s mask of patches [gx, gy, f]; needs RunShape::forced_grid or forced_patches.
    void force_patches(size_t index, const std::vector<int> &patches);
    /// The density of selected pixels above which a focal block with masks in space computes all of them, from now on;
    /// until then each block's own (model/spatial_break_even.h).
    void set_break_even(double density) { executor_.set_scalars("break_even", density); }

    /// Runs once; `observer` is called after each step. Steps are traced where AFNET_TRACE asks for it.
    void run(const Executor::Observer &observer = nullptr);

    /// Results of the last run: masks [f] per focal block in layer order, all 1 where frames are only weighed or
    /// patches alone are chosen, and per clip the scores [k].
    std::vector<std::vector<int>> masks();
    /// The same per selection, as force_mask() takes them; empty where patches alone are chosen.
    std::vector<std::vector<int>> selection_masks();
    /// Masks [gx, gy, f] of patches per focal block, where masks are spatial; of frames that the block's temporal mask
    /// drops too.
    std::vector<std::vector<int>> patch_masks();
    /// Patches across and down a frame of these; 0: masks are not spatial.
    int grid() const;
    /// What the navigation made of each frame: probabilities [f] per focal block that it is computed, without noise;
    /// empty where patches alone are chosen.
    std::vector<std::vector<double>> keep_probabilities();
    std::vector<float> clip_logits(int clip);
    std::vector<float> probabilities(int clip);

    /// Multiply-accumulates of the last run, of all frames; convolutions and linears only.
    double macs();

private:
    std::vector<float> scores(TensorId id, int clip);

    LapClock clock_;
    LoadTimes load_times_;
    ModelDescription description_;
    RunShape shape_;
    LoweredNetwork lowered_;
    Executor executor_;
};

} // namespace afnet
