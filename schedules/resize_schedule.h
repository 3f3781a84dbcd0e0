// Schedules of preprocessing: images of three interleaved channels.
#pragma once

#include "Halide.h"

namespace afnet::schedules {

struct ResizeStages {
    Halide::Func sum, output;
    Halide::Var c, x, y;
    Halide::RVar tap;
    bool vertical;
};

struct PixelStages {
    Halide::Func output;
    Halide::Var c, x, y;
};

void schedule_cpu(ResizeStages stages, const Halide::Target &target);
void schedule_cpu(PixelStages stages, const Halide::Target &target);

}  // namespace afnet::schedules
