// Spatial masks and the lists that they become, by definition: what tests give to kernels that compute listed tiles.
#pragma once

#include <vector>

#include "tests/frame_memory.h"
#include "tests/reference/spatial.h"

namespace afnet {

/// None, all, one patch of one frame, the outermost patches, every other one, some; of a grid of patches.
std::vector<reference::SpatialMask> awkward_spatial_masks(int columns, int rows, int frames);

/// The tiles of listed frames as generators/tile_list_generator.cpp defines them.
struct TileLists {
    /// `sources`: a work list [3, f] (listed_plan.h) whose first `count` frames are listed. Entries of frames that are
    /// not listed have slots of `unlisted`.
    TileLists(const reference::SpatialMask &mask, const std::vector<int> &sources, int count, int width, int height,
              int side, int unlisted = 0);

    int columns, rows, frames;
    int selected = 0, all = 0; // tiles
    std::vector<int> list;     // [self next previous x y, n], n < all
    std::vector<int> slots;    // [tile column, tile row, f]

    /// What kernels are given: the selected tiles, the others, the slots with a border of zeros.
    IntBuffer selected_tiles() const { return part(0, selected); }
    IntBuffer other_tiles() const { return part(selected, all); }
    IntBuffer bordered_slots() const;

    /// The selected points of frames, in the order of the list: [c, 1, 1, n]. For side 1.
    Tensor4 points_of(const Tensor4 &frames) const;

private:
    IntBuffer part(int begin, int end) const;
};

} // namespace afnet
