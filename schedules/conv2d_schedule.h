// What a conv2d schedule may name (Conv2dStages) and may tune (Conv2dKnobs).
#pragma once

#include <vector>

#include "schedules/knob.h"

namespace afnet::schedules {

/// Handles to the stages of generators/conv2d_generator.cpp, producers first.
struct Conv2dStages {
    Halide::Func sum;     // [c, g, x, y, f]  bias and reduction
    Halide::RDom r;       // input channel within a run, run of channels, kernel column, kernel row
    Halide::Func output;  // [c, g, x, y, f]  epilogue and store
    Halide::Stage store;  // the stage of `output` that does the work: pure, or the scatter update
    Halide::Var c, g, x, y;
    Halide::VarOrRVar f;     // frame, or the selected frame of a scatter
    Halide::Expr width;      // of the output
    int groups;
    int channels;            // output channels per group
    int kernel;
    int reduction_channels;  // input channels per group
    bool in_place;           // output may alias the residual: every element must be stored exactly once
};

struct Conv2dKnobs {
    Knob co_block{"co_block", {4, 8, 16, 32, 48, 64}};  // output channels per register tile; packs the weights
    Knob tile_x{"tile_x", {1, 2, 3, 4, 5, 6, 7, 8, 14}};  // output columns per register tile
    Knob rows{"rows", {1, 2, 4, 7, 8, 14, 28}};         // output rows per task
    Knob order{"order", {1, 2, 3}};                     // what a task is: conv2d_cpu.cpp
};

/// Output channels per register tile for a group of `channels`: the packing of the weights.
int conv2d_co_block(const Conv2dKnobs &knobs, int channels, const Halide::Target &target);

void schedule_cpu(Conv2dStages stages, const Conv2dKnobs &knobs, int co_block, const Halide::Target &target);

}  // namespace afnet::schedules
