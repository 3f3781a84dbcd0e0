// Kernels of sparse training that tests call directly (tests/kernel_cases.h): gather, scatter, lists, masks.
#pragma once

#include <vector>

#include "runtime/kernel_spec.h"

namespace afnet {

constexpr const char *kSparseTrainingLibrary = "test_kernels_sparse_training";

/// In f32 and f64.
std::vector<KernelSpec> sparse_training_kernels();

} // namespace afnet
