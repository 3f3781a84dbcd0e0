#include "model/spatial_break_even.h"

namespace afnet {

// Where lists begin to take as long as whole frames, in an AF-ResNet-50: the lowest of what runs found. Wide maps with
// few channels wait for memory, so lists pay less there.
double spatial_break_even(int middle) {
    return middle <= 64 ? .74 : middle <= 128 ? .89 : .91;
}

int spatial_tile_side(int pixels, int grid) {
    return pixels / grid >= 4 ? 4 : 2;
}

} // namespace afnet
