// What the stem's schedule may name and tune.
#pragma once

#include "schedules/knob.h"

namespace afnet::schedules {

struct StemStages {
    Halide::Func sum, conv, output;
    Halide::Func pixels; // [i, y, f]  rounded rows of the clip, where pairs are multiplied
    Halide::Var c, x, y, f;
    Halide::RDom r; // input channel, kernel column, kernel row; of pairs: element of a row, kernel row
    int channels;
    bool paired; // an instruction multiplies two elements of a row
};

struct StemKnobs {
    Knob co_block{"co_block", {8, 16, 32}};     // output channels per register tile; packs the weights
    Knob tile_x{"tile_x", {2, 4, 6, 7, 8, 14}}; // convolution columns per register tile
    Knob rows{"rows", {1, 2, 4, 7, 8, 14}};     // pooled rows per task
};

int stem_co_block(const StemKnobs &knobs, int channels, const Halide::Target &target);

/// The packing of the weights on GPUs.
int stem_gpu_co_block(const StemKnobs &knobs, int channels);

void schedule_gpu(StemStages stages, int co_block);
void schedule_cpu(StemStages stages, const StemKnobs &knobs, int co_block, const Halide::Target &target);

} // namespace afnet::schedules
