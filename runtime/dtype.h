// In which element type a network keeps its activations: `dtype` of a run, of a kernel's spec, and of a target.
#pragma once

#include <string>
#include <vector>

#include "runtime/kernel_spec.h"

namespace afnet {

enum class Dtype {
    F32,
    BF16, // 8 bits of mantissa; sums and everything that is no activation stay 32-bit floats
    F64,  // doubles throughout; checks of training
};

/// All of them, by the names that specs and options give them.
const std::vector<std::string> &dtype_names();
std::string dtype_name(Dtype dtype);

/// Those that networks infer in.
const std::vector<std::string> &inference_dtype_names();

/// Throws UsageError for an unknown name; the message lists the known ones.
Dtype dtype_named(const std::string &name);

/// Of the activations that a kernel reads and writes. A spec that does not say is f32, so that names and records of f32
/// kernels are what they were before there was a choice.
Dtype dtype_of(const KernelSpec &spec);

} // namespace afnet
