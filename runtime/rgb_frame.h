// One decoded picture, as every part of the video input hands it on.
#pragma once

#include <cstdint>
#include <vector>

namespace afnet {

/// A picture of 8-bit red, green and blue. `data` is [3, width, height], innermost first and without gaps: channel c of
/// the pixel in column x of row y is data[(y * width + x) * 3 + c]. Full range, 0 to 255.
struct RgbFrame {
    int width = 0;
    int height = 0;
    std::vector<uint8_t> data;
};

} // namespace afnet
