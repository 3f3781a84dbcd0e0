// What the schedule of a depthwise convolution's gradient to its weights may name and tune.
#pragma once

#include "schedules/cpu.h"
#include "schedules/knob.h"

namespace afnet::schedules {

struct DepthwiseGradientStages {
    Halide::Func d_filters; // [c, g, u, v]  its update sums over column, row, frame
    Halide::Func d_weights; // [c, u, v]
    Halide::Var c, u, v;    // of d_weights
    Halide::Expr frames;
    int channels, kernel;
    int bits; // of an element
};

struct DepthwiseGradientKnobs {
    Knob partials{"partials", {1, 2, 4, 8, 16}}; // sums over parts of the frames, which are tasks
};

void schedule_cpu(DepthwiseGradientStages stages, const DepthwiseGradientKnobs &knobs, const Halide::Target &target);

} // namespace afnet::schedules
