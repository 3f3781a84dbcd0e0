// Schedule shared by reductions of all pixels of all frames to one number per channel: a row of pixels at a time, then
// the rows in their order, so that results do not depend on the number of threads.
#pragma once

#include <vector>

#include "Halide.h"

namespace afnet::schedules {

/// partials(c, y, f), of one row of pixels each, follow from `stages`, the inner reductions over the row's columns;
/// `totals`, reductions over all rows, and `outputs` are vectors of channels.
struct ChannelTotals {
    Halide::Expr channels;
    std::vector<Halide::Func> stages; // [c, y, f]
    Halide::RVar column;              // of all their updates
    Halide::Func partials;            // [c, y, f]
    std::vector<Halide::Func> totals; // [c]
    Halide::RVar row, frame;          // of all their updates
    std::vector<Halide::Func> outputs;
};

/// A task is a row: a few vectors of channels stay in registers over its columns. Then a task is a vector of channels.
void schedule_cpu(ChannelTotals stages, const Halide::Target &target);

} // namespace afnet::schedules
