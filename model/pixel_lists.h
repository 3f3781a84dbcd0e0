// Which pixels of focal blocks' maps a mask in space selects, and lists of any selection of pixels, as kernels read
// them.
#pragma once

#include <vector>

namespace afnet {

/// A selection of pixels [x, y, f] of frames of `width` by `height` pixels; 1: selected.
struct PixelSelection {
    int width = 0, height = 0, frames = 0;
    std::vector<char> pixels;

    int count() const;
    /// Of one frame.
    int count(int frame) const;
};

/// Those of a mask [gx, gy, f] of patches: a pixel belongs to the patch that nearest upsampling gives it. With `listed`
/// [f], in frames where that is 1 only.
PixelSelection patch_pixels(const std::vector<int> &patches, int grid, int width, int height, int frames,
                            const std::vector<int> *listed = nullptr);

/// The part of a block's pixels that a mask of patches selects in its `listed` frames; in all frames where none is.
double realised_pixels(const std::vector<int> &patches, int grid, int width, int height,
                       const std::vector<int> &listed);

/// As many pixels in each frame as `pixels` has, tile after tile of `side` pixels a side from the first one on: tiles
/// are full, but for one a frame, and neighbours lie beside each other.
PixelSelection contiguous_pixels(const PixelSelection &pixels, int side);

/// Tiles of `side` pixels of the first `listed` frames, as generators/tile_list_generator.cpp defines them.
struct PixelTiles {
    int selected = 0, all = 0;
    std::vector<int> list;  // [self next previous x y, n], selected ones first
    std::vector<int> slots; // [tile column, tile row, f]: 1 + a selected tile's place in the list; 0: not selected
};
PixelTiles list_tiles(const PixelSelection &pixels, int listed, int side);

/// Points and tiles of all frames.
struct PixelLists {
    std::vector<int> slots; // [x, y, f]: 1 + the pixel's place in the list of points; 0: not selected
    std::vector<int> tiles; // [self next previous x y, n], selected tiles only
    int points = 0, tile_count = 0;
};
PixelLists list_pixels(const PixelSelection &pixels, int side);

} // namespace afnet
