// One stage of a training recipe in progress: a network under training, driven by the stage's schedules.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/clip_batches.h"
#include "model/training_memory.h"
#include "model/training_network.h"
#include "model/training_recipe.h"

namespace afnet {

/// Parameters and running statistics by key, in PyTorch's order.
using StateTensors = std::map<std::string, std::vector<float>>;

/// All of the description's, from `weights`.
StateTensors state_of(const ModelDescription &description, const Weights &weights);
/// Reads them; Throws Error for a key that is not there.
Weights weights_of(const StateTensors &state);

/// What a step of the stage holds in memory. Needs no kernels. Throws as lower_training().
TrainingMemory stage_memory(const ModelDescription &description, const TrainingStage &stage, int frames, int size);

class StageRun {
public:
    /// Begins a stage from `state`, whose parameters that the stage resets begin anew. `seed`: of noise and resets.
    /// Throws Error when nothing is left to train, or kernels are missing.
    StageRun(const ModelDescription &description, const TrainingStage &stage, int frames, int size, uint64_t seed,
             StateTensors state, KernelStore &kernels);

    const TrainingStage &stage() const { return stage_; }
    TrainingNetwork &network() { return *network_; }

    /// One step on a batch. `clock` also says which noise is drawn, and its epoch with the batch's `samples` which masks,
    /// so that a run that is resumed draws the same.
    StepResult step(const ClipBatch &batch, const TrainingClock &clock);

    /// What steps at this time use.
    StepSettings settings_at(const TrainingClock &clock) const;

    /// Everything, also what the stage does not train.
    StateTensors state();
    /// What the stage has to show for itself, and leaves: moving averages of the weights where it keeps them, else the
    /// same as state().
    StateTensors outcome();

private:
    void draw_noise(int64_t step);
    void draw_masks(const std::vector<size_t> &samples, const TrainingClock &clock);

    ModelDescription description_;
    TrainingStage stage_;
    uint64_t seed_;
    StateTensors state_;
    std::unique_ptr<TrainingNetwork> network_;
};

}  // namespace afnet
