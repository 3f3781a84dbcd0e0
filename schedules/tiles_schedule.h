// Schedules of what moves tiles of pixels between maps and compact tensors.
#pragma once

#include <vector>

#include "Halide.h"

namespace afnet::schedules {

/// A stage over tiles [c, x, y, n] of `side` by `side` pixels. `c` may be part of the channels.
struct TileLoops {
    Halide::Stage store;
    Halide::VarOrRVar c, x, y, n;
    Halide::Expr side;
};

/// A task is some tiles.
void schedule_cpu(TileLoops loops, const Halide::Target &target);

/// result(n) = sum of total(c, n) = sum over `row` of row_sum(c, y, n) = sum over columns, over tiles of `side` by
/// `side` pixels.
struct TileTotals {
    Halide::Func row_sum, total, sum, result;
    Halide::RVar column, row;
    Halide::Expr side;
};

/// A task is some tiles; sums over channels are the last, so that all others are vectors of them.
void schedule_cpu(TileTotals totals, const Halide::Target &target);

/// A partition of tiles [x, y, f]: rank(x, y, f) within a row, before(row of all frames), and stages that store an
/// entry of `lists` for each tile of `tiles`.
struct TilePartition {
    Halide::Func rank, before;
    std::vector<Halide::Stage> lists;
    Halide::Var entry;
    Halide::RDom tiles;
};

/// A task is a frame.
void schedule_cpu(TilePartition partition, const Halide::Target &target);

} // namespace afnet::schedules
