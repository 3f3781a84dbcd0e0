// Schedule of the segment consensus: a few thousand elements per clip.
#pragma once

#include "Halide.h"

namespace afnet::schedules {

struct ConsensusStages {
    Halide::Func mean, largest, raised, total;
};

void schedule_cpu(ConsensusStages stages, const Halide::Target &target);

}  // namespace afnet::schedules
