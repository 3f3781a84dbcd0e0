// Schedule of the segment consensus: a few thousand elements per clip.
#pragma once

#include "Halide.h"

namespace afnet::schedules {

struct ConsensusStages {
    Halide::Func mean, largest, raised, total;
};

/// On GPUs the scores are made of the logits as they are stored, and outputs are scheduled as well.
struct ConsensusGpuStages {
    Halide::Func mean, largest, total;
    Halide::Func clip_logits, probabilities; // [k, n]
};

void schedule_gpu(ConsensusGpuStages stages);
void schedule_cpu(ConsensusStages stages, const Halide::Target &target);

}  // namespace afnet::schedules
