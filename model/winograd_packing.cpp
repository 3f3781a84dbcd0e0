// Weights of a Winograd convolution: each 3x3 filter w becomes G w G^T.
#include <algorithm>
#include <array>
#include <cmath>

#include "model/packing.h"

namespace afnet {

namespace {

using GRow = std::array<double, 3>;

// Row j is (1, p_j, p_j^2) over the product of p_j's distances to the other finite points; infinity's is (0, 0, 1).
std::vector<GRow> weight_transform(int m) {
    const double a = std::sqrt(0.5), b = std::sqrt(2.0);
    const std::vector<double> points = m == 2 ? std::vector<double>{0, 1, -1} : std::vector<double>{0, a, -a, b, -b};
    std::vector<GRow> rows;
    for (double p : points) {
        double distances = 1;
        for (double other : points) {
            if (other != p) distances *= p - other;
        }
        rows.push_back({1 / distances, p / distances, p * p / distances});
    }
    rows.push_back({0, 0, 1});
    return rows;
}

} // namespace

PackedConstant pack_winograd_weights(const std::vector<float> &weights, int co, int ci_per_group, int groups,
                                     int co_block, int m) {
    const std::vector<GRow> transform = weight_transform(m);
    const size_t points = transform.size(), inputs = size_t(ci_per_group), width = size_t(co_block);
    const int channels = co / groups, blocks = (channels + co_block - 1) / co_block;
    PackedConstant packed;
    packed.extents = {co_block, ci_per_group, int(points), int(points), blocks, groups};
    packed.elements.assign(width * inputs * points * points * size_t(blocks * groups), 0.0f);
    // A block's filters side by side, so that the inner loops run over output channels.
    std::vector<double> taps(9 * width), along_x(3 * points * width);
    for (int g = 0; g < groups; g++) {
        for (int b = 0; b < blocks; b++) {
            const int first = g * channels + b * co_block, filled = std::min(co_block, channels - b * co_block);
            float *block = &packed.elements[size_t(g * blocks + b) * points * points * inputs * width];
            for (size_t i = 0; i < inputs; i++) {
                for (size_t c = 0; c < size_t(filled); c++) {
                    const float *filter = &weights[((size_t(first) + c) * inputs + i) * 9];
                    for (size_t tap = 0; tap < 9; tap++)
                        taps[tap * width + c] = double(filter[tap]);
                }
                for (size_t row = 0; row < 3; row++) {
                    for (size_t u = 0; u < points; u++) {
                        const GRow &t = transform[u];
                        const double *w = &taps[3 * row * width];
                        double *to = &along_x[(row * points + u) * width];
                        for (size_t c = 0; c < width; c++) {
                            to[c] = t[0] * w[c] + t[1] * w[width + c] + t[2] * w[2 * width + c];
                        }
                    }
                }
                for (size_t v = 0; v < points; v++) {
                    for (size_t u = 0; u < points; u++) {
                        const GRow &t = transform[v];
                        const double *w = &along_x[u * width];
                        float *to = block + ((v * points + u) * inputs + i) * width;
                        const size_t next = points * width;
                        for (size_t c = 0; c < size_t(filled); c++) {
                            to[c] = float(t[0] * w[c] + t[1] * w[next + c] + t[2] * w[2 * next + c]);
                        }
                    }
                }
            }
        }
    }
    return packed;
}

} // namespace afnet
