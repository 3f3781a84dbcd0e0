// The fake CUDA driver within this process, where the program's own code opens it in place of NVIDIA's.
#pragma once

#include <string>
#include <vector>

#include "tests/fake_cuda/fake_cuda.h"

namespace afnet_test {

/// Loads it, on first use, before anything opens a CUDA driver; forgets what was asked of it.
const FakeCuda &fresh_fake_cuda();

/// Has Halide's runtime give back what it keeps of memory that was freed.
void release_unused_memory();

/// Its calls since then that begin with `word`, in order; all where that is empty.
std::vector<std::string> fake_calls(const std::string &word = "");

} // namespace afnet_test
