// What a bf16 convolution by F(2x2, 3x3) computes: its products are of numbers that are rounded between the transforms,
// so that the convolution's own definition on rounded weights is not theirs.
#pragma once

#include <vector>

#include "tests/reference/tensor4.h"

namespace afnet {

struct PairedWinograd {
    reference::Tensor4 sum;       // [c, x, y, f]
    reference::Tensor4 magnitude; // the same sum over absolute products
};

/// A 3x3 convolution of stride 1 and padding 1 in tiles of 2 x 2 outputs (generators/winograd.h): tiles of inputs are
/// transformed in float, filters in double, both are rounded to bfloat16, and everything behind that is exact.
///
/// @param input    [c, x, y, f], of bfloat16 numbers.
/// @param weights  [co][c / groups][3][3].
PairedWinograd paired_winograd(const reference::Tensor4 &input, const std::vector<float> &weights, int co, int groups);

} // namespace afnet
