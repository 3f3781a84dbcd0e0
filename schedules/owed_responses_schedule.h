// Schedules of kernels that pay what pixels are owed (generators/owed_responses.h).
#pragma once

#include <vector>

#include "Halide.h"

namespace afnet::schedules {

/// Small tables that every task looks up, of patches, columns or rows: made once, before the tasks.
void schedule_patch_tables(const std::vector<Halide::Func> &tables);

/// Sums of maps [c, e, x, y, f] over their pixels. One task per row: it keeps a frame's channels, of which it adds
/// whole pixels, in the first-level cache; then one task per frame adds its rows.
struct RowSums {
    Halide::Func sums; // [c, e, y, f], whose update adds along `x`
    Halide::RVar x;
    Halide::Func total; // [c, e, f], whose update adds `sums` along `y`
    Halide::RVar y;
    Halide::Func output; // [c, e, f]
    Halide::Var c, e, row, f;
};

void schedule_cpu(RowSums stages, const Halide::Target &target);

} // namespace afnet::schedules
