#include "tests/reference/resize.h"

#include <algorithm>
#include <cmath>

namespace afnet::reference {

namespace {

// Weights are integers in units of 2^-22: 8 bits of pixel, 22 of fraction and 2 to spare fill a 32-bit accumulator.
constexpr int kFractionBits = 22;

/// The source pixels that one output pixel averages.
struct Window {
    int first;
    std::vector<int> weights;
};

int to_fixed_point(double weight) {
    return static_cast<int>(weight * (1 << kFractionBits) + 0.5);
}

Window window_of(int output, int input_extent, int output_extent) {
    const double scale = static_cast<double>(input_extent) / output_extent;
    const double radius = std::max(1.0, scale); // half the triangle's base, in source pixels
    const double centre = (output + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(centre - radius + 0.5));
    const int end = std::min(input_extent, static_cast<int>(centre + radius + 0.5));
    std::vector<double> heights;
    double sum = 0.0;
    for (int i = first; i < end; i++) {
        heights.push_back(std::max(0.0, 1.0 - std::abs((i - centre + 0.5) * (1.0 / radius))));
        sum += heights.back();
    }
    Window window{first, {}};
    for (double height : heights)
        window.weights.push_back(to_fixed_point(height / sum));
    return window;
}

/// The weighted average of the window's bytes, which lie `stride` apart.
uint8_t average(const Window &window, const uint8_t *bytes, size_t stride) {
    int sum = 1 << (kFractionBits - 1);
    for (size_t i = 0; i < window.weights.size(); i++)
        sum += window.weights[i] * bytes[i * stride];
    return static_cast<uint8_t>(std::clamp(sum >> kFractionBits, 0, 255));
}

Picture resize_rows(const Picture &input, int width) {
    Picture output{input.c, width, input.y, std::vector<uint8_t>(static_cast<size_t>(input.c) * width * input.y)};
    for (int x = 0; x < width; x++) {
        const Window window = window_of(x, input.x, width);
        for (int y = 0; y < input.y; y++)
            for (int c = 0; c < input.c; c++) {
                const uint8_t *bytes = &input.data[(static_cast<size_t>(y) * input.x + window.first) * input.c + c];
                output.data[(static_cast<size_t>(y) * width + x) * input.c + c] = average(window, bytes, input.c);
            }
    }
    return output;
}

Picture resize_columns(const Picture &input, int height) {
    const size_t row = static_cast<size_t>(input.c) * input.x;
    Picture output{input.c, input.x, height, std::vector<uint8_t>(row * height)};
    for (int y = 0; y < height; y++) {
        const Window window = window_of(y, input.y, height);
        for (size_t i = 0; i < row; i++)
            output.data[y * row + i] = average(window, &input.data[window.first * row + i], row);
    }
    return output;
}

} // namespace

Picture resize_bilinear(const Picture &input, int width, int height) {
    return resize_columns(resize_rows(input, width), height);
}

} // namespace afnet::reference
