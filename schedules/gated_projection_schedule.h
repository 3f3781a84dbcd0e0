// What a gated_projection schedule may name and tune.
#pragma once

#include "schedules/knob.h"

namespace afnet::schedules {

struct GatedProjectionStages {
    Halide::Func gated; // [i, g, x, y, s]
    Halide::Func sum, output;
    Halide::Stage store; // the stage of `output` that stores
    Halide::Var c, i, g, x, y;
    Halide::VarOrRVar f;
    Halide::RDom r; // input channel
    Halide::Expr width;
    int groups, channels;
};

struct GatedProjectionKnobs {
    Knob co_block{"co_block", {8, 16, 32, 48}};    // output channels per register tile; packs the weights
    Knob tile_x{"tile_x", {2, 3, 4, 6, 7, 8, 14}}; // columns per register tile
    Knob rows{"rows", {1, 2, 4, 7, 14}};           // rows per task: what is gated at a time
};

/// Output channels per register tile for a group of `channels`.
int gated_projection_co_block(const GatedProjectionKnobs &knobs, int channels, const Halide::Target &target);

void schedule_cpu(GatedProjectionStages stages, const GatedProjectionKnobs &knobs, int co_block,
                  const Halide::Target &target);

} // namespace afnet::schedules
