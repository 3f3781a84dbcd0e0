// Independent pieces of work, most of which wait for processes.
#pragma once

#include <cstddef>
#include <functional>

namespace afnet {

/// Calls `work` with 0 to `count` - 1, `jobs` at a time, in threads of their own. The first exception ends it once the
/// calls that have begun are done, and is thrown again; Interrupted after Ctrl-C.
void run_jobs(size_t count, int jobs, const std::function<void(size_t)> &work);

} // namespace afnet
