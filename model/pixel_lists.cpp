#include "model/pixel_lists.h"

#include <algorithm>
#include <utility>

namespace afnet {

namespace {

size_t place(const PixelSelection &s, int x, int y, int f) {
    return (size_t(f) * size_t(s.height) + size_t(y)) * size_t(s.width) + size_t(x);
}

// Calls `take(x, y)` for the first column and row of each tile of a frame, row by row.
template <class Take> void for_each_tile(const PixelSelection &s, int side, Take take) {
    for (int y = 0; y < s.height; y += side) {
        for (int x = 0; x < s.width; x += side)
            take(x, y);
    }
}

// Calls `take(x, y)` for the pixels of a tile, which the frame's edges may cut.
template <class Take> void for_each_pixel(const PixelSelection &s, int side, int x0, int y0, Take take) {
    for (int y = y0; y < std::min(y0 + side, s.height); y++) {
        for (int x = x0; x < std::min(x0 + side, s.width); x++)
            take(x, y);
    }
}

} // namespace

int PixelSelection::count() const {
    return int(std::count(pixels.begin(), pixels.end(), 1));
}

int PixelSelection::count(int frame) const {
    const auto begin = pixels.begin() + long(place(*this, 0, 0, frame));
    return int(std::count(begin, begin + long(width) * height, 1));
}

PixelSelection patch_pixels(const std::vector<int> &patches, int grid, int width, int height, int frames,
                            const std::vector<int> *listed) {
    PixelSelection selection{width, height, frames, std::vector<char>(size_t(width) * size_t(height) * size_t(frames))};
    for (int f = 0; f < frames; f++) {
        if (listed && (*listed)[size_t(f)] == 0) continue;
        for (int y = 0; y < height; y++) {
            const size_t row = (size_t(f) * size_t(grid) + size_t(y * grid / height)) * size_t(grid);
            for (int x = 0; x < width; x++)
                selection.pixels[place(selection, x, y, f)] = char(patches[row + size_t(x * grid / width)] != 0);
        }
    }
    return selection;
}

double realised_pixels(const std::vector<int> &patches, int grid, int width, int height,
                       const std::vector<int> &listed) {
    const int frames = int(listed.size()), selected = int(std::count(listed.begin(), listed.end(), 1));
    const int count = patch_pixels(patches, grid, width, height, frames, selected > 0 ? &listed : nullptr).count();
    return double(count) / (double(selected > 0 ? selected : frames) * width * height);
}

PixelSelection contiguous_pixels(const PixelSelection &pixels, int side) {
    PixelSelection result{pixels.width, pixels.height, pixels.frames, std::vector<char>(pixels.pixels.size())};
    for (int f = 0; f < pixels.frames; f++) {
        int left = pixels.count(f);
        for_each_tile(pixels, side, [&](int x0, int y0) {
            for_each_pixel(pixels, side, x0, y0, [&](int x, int y) {
                if (left-- > 0) result.pixels[place(result, x, y, f)] = 1;
            });
        });
    }
    return result;
}

PixelTiles list_tiles(const PixelSelection &pixels, int listed, int side) {
    const int columns = (pixels.width + side - 1) / side, rows = (pixels.height + side - 1) / side;
    PixelTiles tiles;
    tiles.slots.assign(size_t(columns) * size_t(rows) * size_t(pixels.frames), 0);
    std::vector<int> others;
    for (int f = 0; f < listed; f++) {
        for_each_tile(pixels, side, [&](int x0, int y0) {
            bool any = false;
            for_each_pixel(pixels, side, x0, y0,
                           [&](int x, int y) { any = any || pixels.pixels[place(pixels, x, y, f)] != 0; });
            std::vector<int> &to = any ? tiles.list : others;
            to.insert(to.end(), {f, f + 1, f == 0 ? pixels.frames : f - 1, x0, y0});
            if (any) tiles.slots[size_t((f * rows + y0 / side) * columns + x0 / side)] = ++tiles.selected;
            tiles.all++;
        });
    }
    tiles.list.insert(tiles.list.end(), others.begin(), others.end());
    return tiles;
}

PixelLists list_pixels(const PixelSelection &pixels, int side) {
    PixelTiles points = list_tiles(pixels, pixels.frames, 1), tiles = list_tiles(pixels, pixels.frames, side);
    tiles.list.resize(5 * size_t(tiles.selected));
    return {std::move(points.slots), std::move(tiles.list), points.selected, tiles.selected};
}

} // namespace afnet
