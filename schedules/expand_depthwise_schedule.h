// What an expand_depthwise schedule may name and tune.
#pragma once

#include <vector>

#include "schedules/knob.h"

namespace afnet::schedules {

/// The expansion of columns in tiles of one width: `sum` accumulates a tile, update `stage` of `expanded` stores it.
struct ExpansionTiles {
    Halide::Func sum;
    std::vector<Halide::RDom> reductions; // input channels; one for each update of `sum`
    int pair;                             // products that one instruction adds
    Halide::RDom tiles;                   // column within a tile, tile
    int stage;
};

struct ExpandDepthwiseStages {
    Halide::Func expanded, sum, output;
    Halide::Var c, g, x, y, f;
    Halide::RDom r;                   // kernel column, kernel row
    std::vector<Halide::RDom> zeroes; // columns that update i of `expanded` sets to zero
    std::vector<ExpansionTiles> widths;
    int groups, channels;
};

/// Handles to the same stages on GPUs, producers first.
struct ExpandDepthwiseGpuStages {
    Halide::Func expansion;                  // [c, g, x, y, f]  bias and reduction
    std::vector<Halide::RDom> channels_read; // input channels; one for each update of `expansion`
    Halide::Func expanded, sum, output;
    Halide::Var c, g, x, y, f;
    Halide::RDom r; // kernel column, kernel row
    int channels;   // per group
    int kernel, stride;
};

struct ExpandDepthwiseKnobs {
    Knob co_block{"co_block", {8, 16, 32, 48, 64}}; // expanded channels that are computed, and read again, at a time
    Knob tile_x{"tile_x", {2, 3, 4, 6, 7, 14}};     // columns of the expansion's register tile
    Knob depthwise_x{"depthwise_x", {2, 4, 7, 14}}; // columns of the depthwise register tile; of a block on GPUs
    Knob rows{"rows", {4, 7, 14, 28, 56}};          // output rows of a strip: of a task; of a block on GPUs
    Knob scratch{"scratch", {1, 2}};                // 1: the rows that a kernel covers; 2: the strip
};

/// Channels per block; weights are packed to match.
int expand_depthwise_co_block(const ExpandDepthwiseKnobs &knobs, int channels, const Halide::Target &target);

int expand_depthwise_gpu_co_block(const ExpandDepthwiseKnobs &knobs, int channels);

/// The widths that the expansion has tiles for, the widest first; the last is 1.
std::vector<int> expand_depthwise_tiles(const ExpandDepthwiseKnobs &knobs, int co_block, const Halide::Target &target);

void schedule_gpu(ExpandDepthwiseGpuStages stages, const ExpandDepthwiseKnobs &knobs, int co_block);
void schedule_cpu(ExpandDepthwiseStages stages, const ExpandDepthwiseKnobs &knobs, int co_block,
                  const Halide::Target &target);

} // namespace afnet::schedules
