// Schedule of the work list: a scan over a handful of frames.
#pragma once

#include "Halide.h"

namespace afnet::schedules {

struct WorkListStages {
    Halide::Func rank;  // running count of selected frames
};

/// On GPUs each frame counts the selected frames before it by itself.
struct WorkListGpuStages {
    Halide::Func rank, total;    // [f]; a scalar
    Halide::Func sources, count; // of `sources`, update 0 stores, along `frame`
    Halide::RVar frame;
    Halide::Var kind;
};

void schedule_gpu(WorkListGpuStages stages);
void schedule_cpu(WorkListStages stages, const Halide::Target &target);

}  // namespace afnet::schedules
