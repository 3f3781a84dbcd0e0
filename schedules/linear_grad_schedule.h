// Schedules of the gradients of fully connected layers, for up to a few thousand inputs and outputs and few frames.
#pragma once

#include "Halide.h"

namespace afnet::schedules {

/// gradient [k, f]; d_input(c, f) reads derived(c, f), which sums weights(k, c) gradient(k, f) over all k.
struct LinearGradInput {
    Halide::Func gradient, derived, d_input;
    Halide::Var k, c, f;
};

/// Each element of d_input is one dot product along k, in as many partial sums as a vector holds; a task is a few
/// inputs, and reads their weights once for a few frames.
void schedule_cpu(LinearGradInput stages, const Halide::Target &target);

/// gradient [k, f]; d_weights(k, c) and d_bias(k) read their derivatives, sums over frames.
struct LinearGradWeights {
    Halide::Func gradient, derived_weights, derived_bias, d_weights, d_bias;
    Halide::Var k, c, f;
};

/// A tile of outputs and inputs stays in registers over all frames; a task is a block of inputs.
void schedule_cpu(LinearGradWeights stages, const Halide::Target &target);

} // namespace afnet::schedules
