// Schedule of the navigation module: tiny, but on the critical path before every focal block.
#pragma once

#include "Halide.h"

namespace afnet::schedules {

struct NavigationStages {
    Halide::Func projection, z, gate;
    Halide::RVar channel;  // reduction of `projection`
    Halide::Expr channels;
};

void schedule_cpu(NavigationStages stages, const Halide::Target &target);

}  // namespace afnet::schedules
