// Schedule of pooling to a grid and of its gradient: sums over few elements, of few channels.
#pragma once

#include <vector>

#include "Halide.h"

namespace afnet::schedules {

/// output(c, x, y, f) is made from sum(c, x, y, f), which sums over `reduction`.
struct GridSums {
    Halide::Func sum, output;
    std::vector<Halide::RVar> reduction; // innermost first
};

/// A task is a row; the sums of a pixel's channels are a vector.
void schedule_cpu(GridSums stages, const Halide::Target &target);

} // namespace afnet::schedules
