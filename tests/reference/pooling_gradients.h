// Gradients of the pools and of the temporal shift by definition, in double: each output's gradient is handed to the
// inputs that made it.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/reference/tensor4.h"

namespace afnet::reference {

/// Of a 3x3 maximum of stride 2 and padding 1: which of a window's elements, in row-major order, is the first of the
/// largest. In the order of the pooled tensor's elements.
std::vector<uint8_t> max_pool_index(const Tensor4 &input);

Tensor4 max_pool_gradient(const Tensor4 &d_output, const std::vector<uint8_t> &index, int width, int height);
Tensor4 average_pool_gradient(const Tensor4 &d_output, int width, int height);

/// Of temporal_shift (operators.h).
Tensor4 temporal_shift_gradient(const Tensor4 &d_output, int clip_frames);

/// Of frame f times factor[f], with respect to the factor.
std::vector<double> frame_products(const Tensor4 &a, const Tensor4 &b);

} // namespace afnet::reference
