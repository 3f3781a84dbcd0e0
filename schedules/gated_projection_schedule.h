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

/// How many vectors of channels and how many pixels a GPU thread takes, and how many such threads a block has beside
/// those along channels.
struct GatedProjectionGpuTile {
    int vectors, pixels, threads;
};

/// Handles to the same stages on GPUs, producers first. q counts the pixels of all frames.
struct GatedProjectionGpuStages {
    Halide::Func place; // [q]  its column, row and frame
    Halide::Func gated; // [i, g, q]
    Halide::Func sum;   // [c, g, q]
    Halide::RDom r;     // input channel
    Halide::Func output;
    Halide::Stage store; // its update: along `pixel`
    Halide::RDom pixel;  // pixel of a thread, thread, block
    Halide::Var c, g, q, i;
    int channels, in_channels; // per group
    GatedProjectionGpuTile tile;
};

struct GatedProjectionKnobs {
    Knob co_block{"co_block", {8, 16, 32, 48}};    // output channels per register tile; packs the weights
    Knob tile_x{"tile_x", {2, 3, 4, 6, 7, 8, 14}}; // columns per register tile; pixels of a thread on GPUs
    Knob rows{"rows", {1, 2, 4, 7, 14}};           // rows per task: what is gated at a time
    Knob threads{"threads", {64, 128, 256}};       // of a block, on GPUs
};

/// Output channels per register tile for a group of `channels`.
int gated_projection_co_block(const GatedProjectionKnobs &knobs, int channels, const Halide::Target &target);

/// The same on GPUs.
int gated_projection_gpu_co_block(const GatedProjectionKnobs &knobs, int channels);

GatedProjectionGpuTile gated_projection_gpu_tile(const GatedProjectionKnobs &knobs, int channels, int co_block);

void schedule_gpu(GatedProjectionGpuStages stages, int co_block);
void schedule_cpu(GatedProjectionStages stages, const GatedProjectionKnobs &knobs, int co_block,
                  const Halide::Target &target);

} // namespace afnet::schedules
