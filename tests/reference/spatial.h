// Which pixels are computed: spatial masks on a grid of patches (AFNET_SPEC §11).
#pragma once

#include <vector>

#include "tests/reference/tensor4.h"

namespace afnet::reference {

/// One decision for each patch of a grid over every frame.
struct SpatialMask {
    int columns, rows, frames;
    std::vector<int> patches; // [column, row, f]; 0: not selected

    /// Whether pixel (x, y) of frame f, `width` by `height` pixels, is selected: that of its patch by nearest
    /// upsampling, patch column floor(x columns / width). A grid that does not divide the frame has patches of two
    /// sizes.
    bool selects(int x, int y, int f, int width, int height) const;
};

/// Zero where the mask does not select the pixel. Frames with frames[f] == 0 stay as they are; none given: all masked.
Tensor4 mask_pixels(Tensor4 input, const SpatialMask &mask, const std::vector<double> *frames = nullptr);

} // namespace afnet::reference
