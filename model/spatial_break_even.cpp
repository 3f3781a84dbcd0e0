#include "model/spatial_break_even.h"

namespace afnet {

// From the times of each block's kernels at densities of .51 and 1, a line between, against dense ones. Wide maps with
// few channels wait for memory, so lists pay less there.
double spatial_break_even(int middle) {
    return middle <= 64 ? .77 : middle <= 128 ? .89 : .91;
}

int spatial_tile_side(int pixels, int grid) {
    return pixels / grid >= 4 ? 4 : 2;
}

} // namespace afnet
