// Schedule of the list of tiles: a scan over each line of tiles, one over the lines, and a pass that stores.
#pragma once

#include "Halide.h"

namespace afnet::schedules {

struct TileListStages {
    Halide::Func rank;              // [x, y, s]  selected tiles of the line before tile x
    Halide::Func before;            // [line]     selected tiles of the lines before
    Halide::Stage tiles, slots;     // the updates that store
    Halide::Var entry;              // of a tile's
    Halide::RDom listed, looked_up; // tile column, tile row, listed frame: of either update
};

/// On GPUs: counts of a frame's lines, made by one block of threads for each frame, and two passes over the tiles.
struct TileListGpuStages {
    /// A thread for each tile. The update of `output` stores, along `tiles`.
    struct Pass {
        Halide::Func output;
        Halide::RDom tiles;                  // tile column, tile row, listed frame
        Halide::Func in_frames{"in_frames"}; // [s]        selected tiles of the frames before s
        Halide::Func in_row{"in_row"};       // [x, y, s]  those of the line before tile x
    };
    Halide::Func in_line;     // [y, s]  selected tiles of line y
    Halide::Func in_lines;    // [y, s]  those of the lines before y of the same frame
    Halide::Func line_starts; // [y, s]  the same, stored
    Pass list, slots;
    Halide::Var entry;         // of a tile's, in the list
    Halide::Func total, count; // a scalar; [2]
};

void schedule_gpu(TileListGpuStages stages);
void schedule_cpu(TileListStages stages, const Halide::Target &target);

} // namespace afnet::schedules
