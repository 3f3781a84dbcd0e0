// What a linear schedule may name and tune.
#pragma once

#include "schedules/knob.h"

namespace afnet::schedules {

struct LinearStages {
    Halide::Func sum, output;
    Halide::Var k, f;
    Halide::RDom r; // input
};

struct LinearKnobs {
    Knob co_block{"co_block", {4, 8, 16, 32, 64}}; // outputs per register tile; packs the weights
    Knob frames{"frames", {1, 2, 4, 6, 8, 12}};    // frames per register tile: each weight is read once for so many
};

/// Outputs per register tile: the packing of the weights.
int linear_co_block(const LinearKnobs &knobs, const Halide::Target &target);

int linear_gpu_co_block(const LinearKnobs &knobs);

void schedule_gpu(LinearStages stages, int co_block);
void schedule_cpu(LinearStages stages, const LinearKnobs &knobs, int co_block, const Halide::Target &target);

} // namespace afnet::schedules
