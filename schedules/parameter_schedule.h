// Schedule shared by kernels on a whole parameter, seen as one row of elements: optimiser steps, sums of gradients.
#pragma once

#include <vector>

#include "Halide.h"

namespace afnet::schedules {

/// outputs of one shape [i]. Where there are several, `values` is the Tuple that they copy their parts of, else it is
/// undefined: a block's values are computed before any of them is stored, so outputs may alias inputs.
struct ParameterLoops {
    Halide::Func values;
    std::vector<Halide::Func> outputs;
    Halide::Var i;
};

/// A task is a block of elements.
void schedule_cpu(ParameterLoops loops, const Halide::Target &target);

/// total() = sum over blocks and lanes of partials(lane, block), which sums its block's elements of that lane. Blocks
/// do not depend on target and threads, so neither does the total.
struct BlockedSum {
    Halide::Func partials; // [lane, block], with an update over `element`
    Halide::RVar element;
    Halide::Func total; // []
};

void schedule_cpu(BlockedSum sum, const Halide::Target &target);

} // namespace afnet::schedules
