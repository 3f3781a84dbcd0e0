// Schedules of the navigation module in training: tiny stages behind two long dot products per frame.
#pragma once

#include <vector>

#include "Halide.h"

namespace afnet::schedules {

struct NavigationForwardStages {
    std::vector<Halide::Func> outputs;
    Halide::Func projection;
    Halide::RVar channel; // its reduction
};

/// No threads: microseconds in all.
void schedule_cpu(NavigationForwardStages stages, const Halide::Target &target);

struct NavigationGradStages {
    std::vector<Halide::Func> outputs;
    std::vector<Halide::Func> wide; // derivatives whose first dimension is channels
    Halide::Func d_pooled;          // an output, as wide
};

void schedule_cpu(NavigationGradStages stages, const Halide::Target &target);

} // namespace afnet::schedules
