// The gradients of a 2-d convolution, dense, grouped or depthwise, by their definition: each product of the convolution
// hands the derivative of its output to its two factors.
#pragma once

#include "tests/reference/convolution.h"
#include "tests/reference/tensor4.h"

namespace afnet::reference {

/// Weights as training's kernels keep them, [co, ci / g, u, v] innermost first, in the order that conv2d wants.
std::vector<float> conv2d_weight(const Tensor4 &weights);

/// What conv2d's output owes to its input [ci, x, y, f], of which the extents are given.
Tensor4 conv2d_grad_input(const Tensor4 &d_output, const Convolution &shape, const Tensor4 &weights, int channels,
                          int width, int height);

/// What it owes to its weights [co, ci / g, u, v].
Tensor4 conv2d_grad_weights(const Tensor4 &input, const Tensor4 &d_output, const Convolution &shape);

} // namespace afnet::reference
