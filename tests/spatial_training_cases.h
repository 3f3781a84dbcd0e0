// The kernels of spatial masks in training, and of the navigation that makes them, which tests call directly.
#pragma once

#include <vector>

#include "runtime/kernel_spec.h"

namespace afnet {

constexpr const char *kSpatialTrainingLibrary = "test_kernels_spatial_training";

/// The gradient of mask_patches, which is stored or added to that of the map and of the mask.
KernelSpec mask_patches_grad_spec(bool framed, bool accumulate, bool accumulate_mask);

/// In f32 and f64; what infers in f32 alone.
std::vector<KernelSpec> spatial_training_kernels();

} // namespace afnet
