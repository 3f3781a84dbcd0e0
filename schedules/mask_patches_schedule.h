// Schedule of what a map's patches contribute to the gradient of their mask.
#pragma once

#include "Halide.h"
#include "schedules/elementwise_schedule.h"

namespace afnet::schedules {

/// worth(i, j, f) = sum over channels of tiles(c, i, j, f) = sum over `line` of products(c, i, y, f) = sum over
/// `column`.
struct PatchProducts {
    Halide::Func products;
    Halide::RVar column;
    Halide::Func tiles;
    Halide::RVar line;
    Halide::Func worth;
};

/// A task is a row, then a row of patches; sums over channels are the last, so that all others are vectors of them.
void schedule_cpu(PatchProducts sums, const Halide::Target &target);

} // namespace afnet::schedules
