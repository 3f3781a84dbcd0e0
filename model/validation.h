// Validation in training: a list of clips, classified by the network as it is.
#pragma once

#include "model/clip_batches.h"
#include "model/stage_run.h"
#include "model/training_log.h"
#include "runtime/process_group.h"

namespace afnet {

/// What validation finds.
struct ValidationResult {
    double top1 = kNotMeasured, top5 = kNotMeasured;  // percent
    double realised_ratio = kNotMeasured;
};

/// Which frames and patches validation has focal blocks compute: all; or those that the navigations choose without
/// noise, and those of a policy in the stead of one or both, the same ones in each epoch.
struct ValidationMasks {
    StageMasks who;
    double ratio = 1, patch_ratio = 1; // of a policy that takes one
    uint64_t seed = 1;
    Unselected unselected = Unselected::Masked;
};

/// Classifies a list; `clips` is this rank's share of it, and the result all ranks'. Throws as ClipBatches does;
/// Interrupted on all ranks where one was.
ValidationResult validate(const ModelDescription &description, const StateTensors &state, ClipBatches &clips,
                          int clips_per_batch, const ValidationMasks &masks, KernelStore &kernels, ProcessGroup &group);

}  // namespace afnet
