// What a lowered network is given once, at load: its parameters as kernels want them, and every focal block's F(0).
#pragma once

#include <string>

#include "model/plan_builder.h"
#include "runtime/executor.h"

namespace afnet {

/// Packs the constants of an executor of the network's plan, on all threads, which call `weights` at the same time.
/// Throws what `weights` throws.
void pack_constants(const LoweredNetwork &network, Executor &executor, const Weights &weights);

/// Computes every focal block's F(0), behind pack_constants(): kernels are those of the library of `model` first.
void compute_zero_responses(const LoweredNetwork &network, Executor &executor, KernelStore &kernels,
                            const std::string &model, const Weights &weights);

} // namespace afnet
