// The tiles that sparse training with masks in space computes (docs/spatial.md).
#pragma once

namespace afnet {

/// The largest side of square tiles of which every patch of a `grid` by `grid` mask over `width` by `height` pixels is
/// made. A patch's pixels are those whose nearest upsampling it is.
int tile_side(int width, int height, int grid);

} // namespace afnet
