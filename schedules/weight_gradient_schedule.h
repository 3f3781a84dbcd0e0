// What the schedule of a convolution's gradient to its weights may name and tune.
#pragma once

#include "schedules/cpu.h"
#include "schedules/knob.h"

namespace afnet::schedules {

/// A register tile: output channels by input channels, by the filter's columns where `columns`, as few inputs need.
struct WeightGradientTile {
    int outputs, inputs;
    bool columns;
};

/// How the pixels that are summed over are divided: into parts of the frames, which may be tasks, and those into blocks
/// of frames and rows, of which input and d_output stay in cache for all weights.
struct PixelBlocks {
    int parts;
    Halide::Expr frames, frame_blocks; // in a block; blocks in a part
    Halide::Expr rows, row_blocks;     // in a block; blocks in a frame
};

/// Producers first.
struct WeightGradientStages {
    Halide::Func input;     // [b, x, y, f, block, g]  blocks of channels, side by side
    Halide::Func d_output;  // [b, x, y, f, block, g]
    Halide::Func d_filters; // [c, i, g, u, v]  its update sums over column, row, frame, rows_at, frames_at, part
    Halide::Func d_weights; // [channel, i, u, v]
    Halide::Var c, i, u, v; // of d_weights
    PixelBlocks blocks;
    int outputs, inputs, groups, kernel; // channels per group
    WeightGradientTile tile;
    int bits;
};

struct WeightGradientKnobs {
    Knob block{"block", {4, 8, 16, 32, 48, 64}};                                   // output channels of a register tile
    Knob input_block{"input_block", {1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 14, 16}}; // input channels of one
    Knob pixels{"pixels", {56, 112, 224, 448, 896}};                               // about so many pixels at a time
    Knob partials{"partials", {1, 2, 4, 8, 16}}; // sums over parts of the frames, which are tasks
};

/// For a convolution of these channels per group.
WeightGradientTile weight_gradient_tile(const WeightGradientKnobs &knobs, int outputs, int inputs, int kernel, int bits,
                                        const Halide::Target &target);

PixelBlocks weight_gradient_blocks(const WeightGradientKnobs &knobs, int weights, const Halide::Expr &width,
                                   const Halide::Expr &height, const Halide::Expr &frames);

void schedule_cpu(WeightGradientStages stages, const WeightGradientKnobs &knobs, const Halide::Target &target);

} // namespace afnet::schedules
