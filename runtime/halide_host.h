// The one Halide runtime of the program: its errors become ours, and its thread pool has the size that we say.
#pragma once

#include <string>

namespace afnet {

/// Takes over Halide's error handler (which would otherwise print and abort) and its memory for intermediate stages
/// (runtime/scratch_memory.h), and sets the number of threads that kernels use. `threads` = 0: one per processor that this process may run on. Call before the first kernel; may be
/// called again, while no kernel runs. Returns the number of threads.
int configure_halide(int threads);

/// The messages that Halide reported since the last call, joined, and forgets them. Any thread may report.
std::string take_halide_errors();

}  // namespace afnet
