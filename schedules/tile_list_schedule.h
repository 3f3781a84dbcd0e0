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

void schedule_cpu(TileListStages stages, const Halide::Target &target);

} // namespace afnet::schedules
