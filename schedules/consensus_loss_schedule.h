// Schedule of the segment consensus with its loss and gradient.
#pragma once

#include <vector>

#include "Halide.h"

namespace afnet::schedules {

struct ConsensusLossStages {
    Halide::Func mean{"mean"}, largest{"largest"}, total{"total"}, expected{"expected"}; // [k, n], [n], [n], [n]
    Halide::Func d_mean, derived;                                                        // [k, n], [k, t, n]
    std::vector<Halide::Func> outputs; // all others derive from d_logits, the last
};

/// Classes as vectors; a clip is a task.
void schedule_cpu(ConsensusLossStages stages, const Halide::Target &target);

} // namespace afnet::schedules
