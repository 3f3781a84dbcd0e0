// Schedule of reductions whose result is a channel vector per frame: means over pixels.
#pragma once

#include <vector>

#include "Halide.h"

namespace afnet::schedules {

/// output(c, f) = epilogue(sum(c, f)); `sum` accumulates over `reduction`, whose dimensions are listed innermost first.
/// `constant`, where defined, is a small sum [c] that the epilogue reads for every frame. On CPUs channels may have
/// further dimensions, `parts`, between c and f.
struct ChannelReduction {
    Halide::Func sum, output;
    Halide::Var c, f;
    std::vector<Halide::RVar> reduction;
    Halide::Func constant = Halide::Func();
    std::vector<Halide::VarOrRVar> parts = {};
};

/// A few vectors of channels stay in registers over the whole reduction; one task per frame and channel block.
void schedule_cpu(ChannelReduction stages, const Halide::Target &target);
void schedule_gpu(ChannelReduction stages);

}  // namespace afnet::schedules
