// What a focal block does in training with the frames that its mask selects, by definition, in double. A compact tensor
// holds the frames that a mask [f] of zeros and ones selects, ascending.
#pragma once

#include <vector>

#include "tests/reference/tensor4.h"

namespace afnet::reference {

/// The selected frames of `tensor`.
Tensor4 compact(const Tensor4 &tensor, const std::vector<double> &mask);

/// A tensor of all frames that holds `compact` where the mask selects, and zeros.
Tensor4 spread(const Tensor4 &compact, const std::vector<double> &mask);

/// The gradient of the mask: a selected frame's is its `worth` [s]; an unselected one's `share` times the mean worth of
/// the selected frames of its clip, or 0 where there are none.
std::vector<double> mask_gradient(const std::vector<double> &worth, const std::vector<double> &mask, int clip_frames,
                                  double share);

} // namespace afnet::reference
