// Schedules of the temporal shift and of its gradient.
#pragma once

#include <vector>

#include "Halide.h"

namespace afnet::schedules {

/// shifted(c, x, y, f): an update each for the channels of the next frame, of the previous and of the same, over
/// `channels`. So which frame to read from stays out of the innermost loop.
struct ShiftedRows {
    Halide::Func shifted;
    std::vector<Halide::RVar> channels;
};

/// A task is a row: shifted into cache, then read by `consumer`, [c, x, y, f]. Every element is stored once.
void schedule_cpu(const ShiftedRows &rows, Halide::Func consumer, const Halide::Target &target);

/// result(f) = sum over channels of frames(c, f) = sum over `row` of products(c, y, f) = sum over `column` of what
/// reads `rows`, which may be undefined.
struct FrameProducts {
    ShiftedRows rows;
    Halide::Func products;
    Halide::RVar column;
    Halide::Func frames;
    Halide::RVar row;
    Halide::Func result;
};

/// A task is a row, then a frame; sums over channels are the last, so that all others are vectors of them.
void schedule_cpu(FrameProducts sums, const Halide::Target &target);

} // namespace afnet::schedules
