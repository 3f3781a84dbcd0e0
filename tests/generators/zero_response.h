// F(0) of a focal branch as tests make it: the whole map, and the distinct columns and rows that kernels read.
#pragma once

#include <string>
#include <vector>

#include "tests/frame_memory.h"

namespace afnet {

/// The answer of a k x k convolution to a constant picture, [c, x, y, 1]: as any F(0), it differs near the edges only.
Tensor4 zero_response(int channels, int width, int height, int kernel);

/// `frames`, of which those that `mask` rejects become activation(frame + map).
Tensor4 with_response(const Tensor4 &frames, const Tensor4 &map, const std::vector<int> &mask,
                      const std::string &activation = "linear");

/// The map's distinct columns and rows, [c, m_x, m_y, 1].
Tensor4 distinct_pixels(const Tensor4 &map, int kernel);

}  // namespace afnet
