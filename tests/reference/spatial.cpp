#include "tests/reference/spatial.h"

#include <algorithm>

namespace afnet::reference {

bool SpatialMask::selects(int x, int y, int f, int width, int height) const {
    const int column = x * columns / width, row = y * rows / height;
    return patches[(static_cast<size_t>(f) * rows + row) * columns + column] != 0;
}

Tensor4 mask_pixels(Tensor4 input, const SpatialMask &mask, const std::vector<double> *frames) {
    require(mask.frames == input.f, "mask_pixels: a mask for every frame");
    for (int f = 0; f < input.f; f++) {
        if (frames && (*frames)[f] == 0.0) continue;
        for (int y = 0; y < input.y; y++)
            for (int x = 0; x < input.x; x++)
                if (!mask.selects(x, y, f, input.x, input.y)) std::fill_n(input.pixel(x, y, f), input.c, 0.0);
    }
    return input;
}

} // namespace afnet::reference
