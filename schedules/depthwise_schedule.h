// What a depthwise schedule may name and tune.
#pragma once

#include "schedules/knob.h"

namespace afnet::schedules {

struct DepthwiseStages {
    Halide::Func
        shifted; // the input with its channels' frames chosen, of which CPUs keep a copy; undefined where none are
    Halide::Func sum, output;
    Halide::Var c, x, y, f;
    Halide::RDom r;  // kernel column, kernel row
    Halide::Expr width;
    int channels;
};

struct DepthwiseKnobs {
    Knob tile_x{"tile_x", {1, 2, 4, 7, 8}};  // output columns per register tile
    Knob rows{"rows", {1, 2, 4, 7, 14}};     // output rows per task; of a thread on GPUs
    Knob threads{"threads", {64, 128, 256}}; // of a block, on GPUs
};

void schedule_gpu(DepthwiseStages stages, const DepthwiseKnobs &knobs);
void schedule_cpu(DepthwiseStages stages, const DepthwiseKnobs &knobs, const Halide::Target &target);

}  // namespace afnet::schedules
