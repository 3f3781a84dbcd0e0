// A training run: the stages of a recipe over a list of clips, with checkpoints, logs and validation.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/clip_batches.h"
#include "model/run_folder.h"
#include "model/stage_run.h"
#include "model/training_log.h"
#include "model/validation.h"

namespace afnet {

struct TrainerOptions {
    TrainingRecipe recipe;
    int frames = 8, size = 64;
    uint64_t seed = 1;
    BatchOptions batches;         // what training reads; clips per batch are the stage's
    int save_every = 0, keep = 0; // epochs between checkpoints that are kept; 0: none; how many of them; 0: all
    int bad_steps = 10;           // in a row that are not finite, after which training gives up
    bool quiet = false;
};

class Trainer {
public:
    /// `state`: where it begins: fresh, of another run, or of this run's last checkpoint, whose positions then count.
    /// `folder`: null on all ranks of `group` but the first.
    Trainer(TrainerOptions options, TrainingState state, std::vector<ListedClip> training,
            std::vector<ListedClip> validation, KernelStore &kernels, ProcessGroup &group, RunFolder *folder);

    /// Trains to the end. Throws Interrupted after Ctrl-C or SIGTERM to any rank, with the last checkpoint written and
    /// the group left; Error where loss or gradients stay infinite.
    void run();

    const TrainingState &state() const { return state_; }

private:
    // Sums over the steps of an epoch; they are part of a checkpoint.
    struct EpochSums {
        double loss = 0, cross_entropy = 0, ratio_error = 0, realised = 0, patch_ratio_error = 0, realised_patches = 0,
               gradient_norm = 0, right = 0, clips = 0, steps = 0, skipped = 0, seconds = 0;
        /// visit(name in a checkpoint, sum)
        template <class Visit>
        void for_each(Visit visit) {
            visit("loss", loss);
            visit("cross_entropy", cross_entropy);
            visit("ratio_error", ratio_error);
            visit("realised", realised);
            visit("patch_ratio_error", patch_ratio_error);
            visit("realised_patches", realised_patches);
            visit("gradient_norm", gradient_norm);
            visit("right", right);
            visit("clips", clips);
            visit("steps", steps);
            visit("skipped", skipped);
            visit("seconds", seconds);
        }
    };

    void run_stage(size_t index);
    bool run_epoch(StageRun &run, ClipBatches &clips, TrainingClock &clock);
    void run_steps(StageRun &run, ClipBatches &clips, TrainingClock &clock);
    bool read(ClipBatches &clips, ClipBatch &batch);
    void take_step(StageRun &run, const ClipBatch &batch, const TrainingClock &clock);
    void end_epoch(StageRun &run, const TrainingClock &clock);
    void check_ranks();
    void remember(StageRun &run, const TrainingClock &clock);
    void save(StageRun &run, const TrainingClock &clock, const RunFolder::Copies &copies);
    std::string note(const StageRun &run, const TrainingClock &clock) const;

    TrainerOptions options_;
    TrainingState state_;
    std::vector<ListedClip> training_, validation_;
    KernelStore &kernels_;
    ProcessGroup &group_;
    RunFolder *folder_;
    std::unique_ptr<TrainingLog> log_;
    std::unique_ptr<ClipBatches> validation_batches_;
    EpochSums sums_;
    int bad_in_a_row_ = 0;
};

}  // namespace afnet
