// Schedule of gradients that go over whole feature maps and end in a channel vector per frame as well.
#pragma once

#include <vector>

#include "Halide.h"

namespace afnet::schedules {

/// `fine` [c, x, y, f] and `coarse` [c, x, row, f] are outputs; row_sum(c, row, f) sums over `column`, and
/// total(c, f) = sum of row_sum over `rows`. Row `row` of `coarse` and of row_sum belongs to the `fine_rows` rows of
/// `fine` from fine_rows row on.
struct MapGradient {
    Halide::Func fine;
    Halide::Var y;
    int fine_rows;
    std::vector<Halide::Func> coarse;
    Halide::Func row_sum, total;
    Halide::Var c, x, row, f;
    Halide::RVar column, rows;
};

/// One task per row does all that belongs to it, so that its part of the maps is read from memory once. Sums do not
/// depend on the number of threads: a row's is in the order of its columns, the total in the order of rows.
void schedule_cpu(MapGradient stages, const Halide::Target &target);

} // namespace afnet::schedules
