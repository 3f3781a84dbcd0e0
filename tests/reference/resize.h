// The definition of the resize that pictures get before the network: antialiased bilinear, in Pillow's fixed-point
// arithmetic, so that frames equal those that checkpoints were trained on bit by bit.
#pragma once

#include <cstdint>
#include <vector>

namespace afnet::reference {

/// A picture, indexed [c, x, y] innermost first.
struct Picture {
    int c = 0, x = 0, y = 0; // extents
    std::vector<uint8_t> data;
};

/// Resizes to width x height pixels. A triangle filter as wide as a source pixel, or as an output pixel where that is
/// larger; along the rows first, then along the columns, each rounded to 8 bits. This is the order of Pillow up to 12;
/// Pillow 13 turns it round where the height shrinks much more than the width, and then differs by one level.
Picture resize_bilinear(const Picture &input, int width, int height);

} // namespace afnet::reference
