// Schedule of the work list: a scan over a handful of frames.
#pragma once

#include "Halide.h"

namespace afnet::schedules {

struct WorkListStages {
    Halide::Func rank;  // running count of selected frames
};

void schedule_cpu(WorkListStages stages, const Halide::Target &target);

}  // namespace afnet::schedules
