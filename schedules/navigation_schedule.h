// Schedule of the navigation module: tiny, but on the critical path before every focal block.
#pragma once

#include "Halide.h"

namespace afnet::schedules {

struct NavigationStages {
    Halide::Func projection, z, gate;
    Halide::RVar channel;  // reduction of `projection`
    Halide::Expr channels;
};

/// On GPUs the mask is made of the logits as they are stored, and outputs are scheduled as well.
struct NavigationGpuStages {
    Halide::Func projection, z;
    Halide::RVar channel;
    Halide::Func logits, mask;
};

void schedule_gpu(NavigationGpuStages stages);
void schedule_cpu(NavigationStages stages, const Halide::Target &target);

}  // namespace afnet::schedules
