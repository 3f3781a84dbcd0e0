#include "model/tile_side.h"

#include <numeric>

namespace afnet {

int tile_side(int width, int height, int grid) {
    int side = 0;
    for (int patch = 1; patch <= grid; patch++) {
        const auto next = [&](int pixels) { return (patch * pixels + grid - 1) / grid; }; // where the next one begins
        side = std::gcd(side, std::gcd(next(width), next(height)));
    }
    return side;
}

} // namespace afnet
