// Schedules of kernels that pay what pixels are owed (generators/owed_responses.h).
#pragma once

#include <vector>

#include "Halide.h"

namespace afnet::schedules {

/// Small tables that every task looks up, of patches, columns or rows: made once, before the tasks.
void schedule_patch_tables(const std::vector<Halide::Func> &tables);

} // namespace afnet::schedules
