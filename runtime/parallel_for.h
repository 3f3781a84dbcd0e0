// Independent pieces of work on the threads that kernels run on.
#pragma once

#include <cstddef>
#include <functional>

namespace afnet {

/// Calls `task(i)` once for each i below `count`, on Halide's thread pool, and returns when all have ended. Tasks must
/// not depend on each other; the order is not fixed. Throws what a task threw; of several, the one with the lowest i.
/// After Ctrl-C it begins no further task and throws Interrupted.
void parallel_for(size_t count, const std::function<void(size_t)> &task);

} // namespace afnet
