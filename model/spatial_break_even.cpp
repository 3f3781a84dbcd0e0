#include "model/spatial_break_even.h"

namespace afnet {

// Where lines through the times at densities of .245 and .51 meet those of dense blocks, in an AF-ResNet-50. Wide maps
// with few channels wait for memory, so lists pay less there.
double spatial_break_even(int middle) {
    return middle <= 64 ? .68 : middle <= 128 ? .85 : .91;
}

int spatial_tile_side(int pixels, int grid) {
    return pixels / grid >= 4 ? 4 : 2;
}

} // namespace afnet
