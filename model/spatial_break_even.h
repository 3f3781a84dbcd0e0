// Where computing listed pixels stops to pay: measured figures (docs/spatial.md).
#pragma once

namespace afnet {

/// The part of selected pixels, 0 to 1, above which a focal block of an AF-ResNet takes less time with all pixels
/// computed than with the listed ones. `middle`: channels between its convolutions.
double spatial_break_even(int middle);

/// Pixels a side, 2 or 4, of the tiles in which its 3x3 convolution is computed: 4 where patches have as many.
int spatial_tile_side(int pixels, int grid);

} // namespace afnet
