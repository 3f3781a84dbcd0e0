// The definition of a 2-d convolution, dense, grouped or depthwise.
#pragma once

#include <vector>

#include "tests/reference/tensor4.h"

namespace afnet::reference {

/// A square convolution's shape but for its input channels, which the input tells. groups == input channels ==
/// output_channels is a depthwise convolution.
struct Convolution {
    int output_channels;
    int kernel = 1; // rows and columns of the filter
    int stride = 1;
    int padding = 0; // rows and columns of zeros on every side
    int groups = 1;  // divides input and output channels; group g of the output sees group g of the input only
};

/// output[co, x, y, f] = bias[co] + sum over ci, u, v of
///     weight[u, v, ci, co] * input[group(co) + ci, x * stride + u - padding, y * stride + v - padding, f],
/// zero outside the input.
///
/// @param input   [c, x, y, f].
/// @param weight  [u, v, ci, co] innermost first with ci < c / groups (PyTorch's [co, ci, v, u]).
/// @param bias    [co], or empty for none.
/// @return [co, x', y', f] with x' = floor((x + 2 padding - kernel) / stride) + 1, y' likewise.
Tensor4 conv2d(const Tensor4 &input, const Convolution &shape, const std::vector<float> &weight,
               const std::vector<float> &bias = {});

} // namespace afnet::reference
