// Schedule shared by operators without a reduction to speak of: each output element reads a few input elements.
#pragma once

#include <vector>

#include "Halide.h"

namespace afnet::schedules {

/// The loops of the stage that stores: channels innermost, one task per row (or per frame without rows). Every element
/// is stored exactly once, so the output may alias an input that is read at the same place.
struct ElementwiseLoops {
    Halide::Stage store;
    Halide::Var c;                          // contiguous
    std::vector<Halide::VarOrRVar> middle;  // columns and the like, inside a task
    std::vector<Halide::VarOrRVar> tasks;   // rows, frames: innermost first
};

void schedule_cpu(ElementwiseLoops loops, const Halide::Target &target);
void schedule_gpu(ElementwiseLoops loops);

/// One of the two.
inline void schedule(ElementwiseLoops loops, const Halide::Target &target) {
    target.has_gpu_feature() ? schedule_gpu(std::move(loops)) : schedule_cpu(std::move(loops), target);
}

/// Several outputs of one shape [c, x, y, f] whose elements are computed together: `values` is a Tuple, and outputs copy
/// its parts. A pixel's values are computed once, before any of them is stored.
struct JointOutputs {
    Halide::Func values;
    std::vector<Halide::Func> outputs;
    Halide::Var c, x, y, f;
};

void schedule_cpu(JointOutputs joint, const Halide::Target &target);

/// Vectors of channels that such loops read at every pixel: computed once, before them.
void schedule_channel_constants(const std::vector<Halide::Func> &constants, const Halide::Target &target);

}  // namespace afnet::schedules
