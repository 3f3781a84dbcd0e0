// One stage of a training recipe in progress: a network under training, driven by the stage's schedules.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/clip_batches.h"
#include "model/divided_step.h"
#include "model/stage_masks.h"
#include "model/training_memory.h"
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
    /// `group` shares out batches. Throws Error when nothing is left to train, the network has no such masks, batches
    /// cannot be shared out, or kernels are missing.
    StageRun(const ModelDescription &description, const TrainingStage &stage, int frames, int size, uint64_t seed,
             StateTensors state, KernelStore &kernels, ProcessGroup &group);

    const TrainingStage &stage() const { return stage_; }
    const StageMasks &masks() const { return masks_; }
    TrainingNetwork &network() { return *network_; }

    const BatchDivision &division() const { return division_; }

    /// One step on this rank's clips of a batch, in the batch's order; so are the result's predictions. `clock` also
    /// says which noise is drawn, and its epoch with the batch's `samples` which masks, so that a run that is resumed
    /// draws the same.
    StepResult step(const ClipBatch &batch, const TrainingClock &clock);

    /// What steps at this time use.
    StepSettings settings_at(const TrainingClock &clock) const;

    /// Everything, also what the stage does not train.
    StateTensors state();
    /// What the stage has to show for itself, and leaves: moving averages of the weights where it keeps them, else the
    /// same as state().
    StateTensors outcome();

private:
    void draw_noise(int64_t step, int first_clip);
    void draw_masks(const std::vector<size_t> &samples, const TrainingClock &clock);

    ModelDescription description_;
    TrainingStage stage_;
    StageMasks masks_;
    uint64_t seed_;
    StateTensors state_;
    BatchDivision division_;
    std::unique_ptr<TrainingNetwork> network_;
    std::unique_ptr<DividedStep> step_;
};

}  // namespace afnet
