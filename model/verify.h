// Runs a reference-vector case (tests/golden/README.md) and compares every tensor it holds.
#pragma once

#include <string>
#include <vector>

#include "runtime/kernel_library.h"

namespace afnet {

/// One compared tensor.
struct TensorDifference {
    std::string name;
    double largest_absolute = 0;   // max |ours - theirs|
    double largest_relative = 0;   // the same over the largest magnitude of theirs
    double tolerance = 0;          // on largest_relative
    bool passed = false;
    std::string remark;  // e.g. how many mask elements were left out
};

struct CaseReport {
    std::string path, model;
    std::vector<TensorDifference> tensors;
    double milliseconds = 0;
    size_t arena_bytes = 0;
    bool passed() const;
};

/// Whether the case holds a training step. Throws Error when the file is no case.
bool is_training_case(const std::string &path);

/// The kernels that verify_case() needs. Throws Error when the file is no case.
std::vector<KernelSpec> case_kernels(const std::string &path, Dtype dtype);

/// Builds the case's network, fills weights and input by the recipe, runs it and compares. Any case of the format
/// works: every architecture, T, batch, size, seed and number of classes. Throws Error when the file is no such case,
/// or kernels are missing.
///
/// With bf16, or a vendor's kernels that round factors (runtime/vendor_policy.h), the tolerances are wider, focal blocks
/// get the case's masks, so that all stays comparable where a gate is too close to call, and a row `top-1` tells how
/// many clips' best classes agree.
///
/// Of a training case: loss, gradients and running statistics of one pass, in f64, or in f32, where single gradients
/// are ill-conditioned: the median of their errors counts.
CaseReport verify_case(const std::string &path, KernelStore &kernels, Dtype dtype = Dtype::F32);

}  // namespace afnet
