#include "tests/generators/tile_lists.h"

#include <algorithm>

#include "model/recipe.h"

namespace afnet {

using reference::SpatialMask;

std::vector<SpatialMask> awkward_spatial_masks(int columns, int rows, int frames) {
    const size_t patches = size_t(columns) * size_t(rows) * size_t(frames);
    const SpatialMask none{columns, rows, frames, std::vector<int>(patches, 0)};
    std::vector<SpatialMask> masks(6, none);
    for (size_t i = 0; i < patches; i++) {
        const int column = int(i) % columns, row = int(i) / columns % rows;
        masks[1].patches[i] = 1;
        masks[3].patches[i] = column == 0 || row == 0 || column == columns - 1 || row == rows - 1;
        masks[4].patches[i] = (column + row + int(i) / columns / rows) % 2;
        masks[5].patches[i] = recipe_uniform(fnv1a64("patches"), 5, i) < 0.4 ? -3 : 0; // anything but zero selects
    }
    masks[2].patches[patches / 2] = 1;
    return masks;
}

TileLists::TileLists(const SpatialMask &mask, const std::vector<int> &sources, int count, int width, int height,
                     int side, int unlisted)
    : columns((width + side - 1) / side), rows((height + side - 1) / side), frames(mask.frames),
      slots(size_t(columns) * size_t(rows) * size_t(frames), unlisted) {
    std::vector<int> others;
    for (int s = 0; s < count; s++) {
        const int *entry = &sources[3 * size_t(s)];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                bool hit = false;
                for (int y = row * side; y < std::min(height, (row + 1) * side); y++) {
                    for (int x = column * side; x < std::min(width, (column + 1) * side); x++)
                        hit = hit || mask.selects(x, y, entry[0], width, height);
                }
                std::vector<int> &to = hit ? list : others;
                to.insert(to.end(), {entry[0], entry[1], entry[2], column * side, row * side});
                selected += hit ? 1 : 0;
                slots[(size_t(entry[0]) * size_t(rows) + size_t(row)) * size_t(columns) + size_t(column)] =
                    hit ? selected : 0;
                all++;
            }
        }
    }
    list.insert(list.end(), others.begin(), others.end());
}

IntBuffer TileLists::part(int begin, int end) const {
    return integers({list.begin() + 5 * begin, list.begin() + 5 * end}, {5, end - begin});
}

IntBuffer TileLists::bordered_slots() const {
    IntBuffer buffer(columns + 2, rows + 2, frames);
    buffer.fill(0);
    for (size_t i = 0; i < slots.size(); i++) {
        const int line = int(i) / columns;
        buffer(int(i) % columns + 1, line % rows + 1, line / rows) = slots[i];
    }
    return buffer.translated({-1, -1, 0});
}

Tensor4 TileLists::points_of(const Tensor4 &frames) const {
    Tensor4 points(frames.c, 1, 1, selected);
    for (int n = 0; n < selected; n++) {
        const int *entry = &list[5 * size_t(n)];
        std::copy_n(frames.pixel(entry[3], entry[4], entry[0]), frames.c, points.pixel(0, 0, n));
    }
    return points;
}

} // namespace afnet
