#include "tests/generators/zero_response.h"

#include <algorithm>

#include "tests/generators/layer.h"
#include "tests/kernel_cases.h"

namespace afnet {

namespace {

// Where the map's distinct columns (or rows) are first seen: those near the edges and one between, or all.
std::vector<int> distinct(int side, int kernel) {
    const int border = (kernel - 1) / 2;
    std::vector<int> positions;
    for (int i = 0; i < side; i++) {
        if (i <= border || i >= side - border) positions.push_back(i);
    }
    return positions;
}

}  // namespace

Tensor4 zero_response(int channels, int width, int height, int kernel) {
    Tensor4 constant = random_frames(3, 1, 1, 1, "constant"), picture(3, width, height, 1);
    for (size_t i = 0; i < picture.data.size(); i++) picture.data[i] = constant.data[i % 3];
    return Layer(3, {channels, kernel, 1, (kernel - 1) / 2, 1}, "linear").output(picture);
}

Tensor4 with_response(const Tensor4 &frames, const Tensor4 &map, const std::vector<int> &mask,
                      const std::string &activation) {
    Tensor4 result = frames;
    for (int f = 0; f < frames.f; f++) {
        if (mask[size_t(f)] != 0) continue;
        const Tensor4 one = activate(activation, reference::add(listed_frames(frames, {f}), map));
        std::copy(one.data.begin(), one.data.end(), result.pixel(0, 0, f));
    }
    return result;
}

Tensor4 distinct_pixels(const Tensor4 &map, int kernel) {
    const std::vector<int> columns = distinct(map.x, kernel), rows = distinct(map.y, kernel);
    Tensor4 table(map.c, int(columns.size()), int(rows.size()), 1);
    for (int y = 0; y < table.y; y++) {
        for (int x = 0; x < table.x; x++) {
            for (int c = 0; c < map.c; c++) table.at(c, x, y, 0) = map.at(c, columns[size_t(x)], rows[size_t(y)], 0);
        }
    }
    return table;
}

}  // namespace afnet
