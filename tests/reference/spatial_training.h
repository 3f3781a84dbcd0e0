// The spatial navigation and what its masks do in training, as plain loops in double (AFNET_SPEC §11). What belongs to
// a patch is a tensor [., i, j, f] over the grid.
#pragma once

#include "tests/reference/operators.h"

namespace afnet::reference {

/// Adaptive average pooling, as PyTorch defines it: window i of n pixels in g reads pixels floor(i n / g) to
/// ceil((i + 1) n / g) - 1.
Tensor4 grid_pool(const Tensor4 &input, int columns, int rows);
Tensor4 grid_pool_gradient(const Tensor4 &d_output, int width, int height);

/// The gates of the navigation: a 1x1 convolution to two logits, noise, and the choice.
struct SpatialGateCase {
    Tensor4 pooled;        // [c, i, j, f]
    Tensor4 weights, bias; // [k, 1, 1, c], [k, 1, 1, 1]
    Tensor4 uniform;       // [k, i, j, f]
    double temperature = 1;
};
struct SpatialGateState {
    Tensor4 logits;             // [k, i, j, f]
    Tensor4 soft, mask, margin; // [1, i, j, f]; margin: of the decision
};
SpatialGateState spatial_gate(const SpatialGateCase &in);
struct SpatialGateGradient {
    Tensor4 pooled, weights, bias;
};
/// Straight-through: d_mask is taken for the gradient of the soft mask.
SpatialGateGradient spatial_gate_gradient(const SpatialGateCase &in, const Tensor4 &d_mask);

/// Every pixel times what its patch of `patches` [1, i, j, f] has, in the frames that `frames` [1, 1, 1, f] weighs:
/// times 1 - frames(f) (1 - patch). Without `frames` each weighs 1.
Tensor4 patches_product(const Tensor4 &input, const Tensor4 &patches, const Tensor4 *frames);
struct PatchesGradient {
    Tensor4 input, patches, frames;
};
PatchesGradient patches_gradient(const Tensor4 &input, const Tensor4 &patches, const Tensor4 *frames,
                                 const Tensor4 &d_output);

/// What the ratio of selected patches is compared with: its target, and patches of other masks that it counts.
struct PatchRatio {
    double target = 0.5;
    double other_selected = 0, others = 0;
};
/// (target - ratio)^2 with the ratio over all patches of frames, weighed by `frames`; 0 where there are none.
double patch_ratio_error(const Tensor4 &patches, const Tensor4 *frames, const PatchRatio &wanted);
/// Of it, towards the patches.
Tensor4 patch_ratio_gradient(const Tensor4 &patches, const Tensor4 *frames, const PatchRatio &wanted);

} // namespace afnet::reference
