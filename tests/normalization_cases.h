// Training kernels that tests call: batch normalisation, pools, temporal shift, optimiser steps; f32 and f64.
#pragma once

#include <vector>

#include "runtime/kernel_spec.h"

namespace afnet {

constexpr const char *kNormalizationLibrary = "test_kernels_normalization";

/// Of both dtypes; gradients as Halide derives them (`derivation` adjoint) in f64.
std::vector<KernelSpec> normalization_kernels();

KernelSpec batch_norm_grad_input_spec(const char *activation, const char *residual_grad, bool frozen);

} // namespace afnet
