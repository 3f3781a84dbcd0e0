// Schedule of pipelines with many small stages, as autodiff makes them: a few thousand operations in all.
#pragma once

#include <vector>

#include "Halide.h"

namespace afnet::schedules {

struct StoredStages {
    std::vector<Halide::Func> outputs;
    std::vector<Halide::Func> inlined; // pure views of inputs
};

/// Every stage that reduces is computed once and stored, in order, by one thread; the others too unless they are listed
/// as inlined or only read inputs. Vectors are up to the caller.
void schedule_cpu(StoredStages stages, const Halide::Target &target);

} // namespace afnet::schedules
