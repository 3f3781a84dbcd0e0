// Weights of a Winograd convolution: each 3x3 filter w becomes G w G^T, each row of a 7x7 filter
// with stride 2 what generators/winograd_columns.h multiplies with.
#include <algorithm>
#include <cmath>
#include <vector>

#include "model/packing.h"

namespace afnet {

namespace {

// Minimal filtering's points but infinity, for m outputs of three taps.
std::vector<double> finite_points(int m) {
    const double a = std::sqrt(0.5), b = std::sqrt(2.0);
    if (m == 5) return {0.35, -0.35, 0.8, -0.8, 1.75, -1.75};
    return m == 2 ? std::vector<double>{0, 1, -1} : std::vector<double>{0, a, -a, b, -b};
}

// Row j is (1, p_j, p_j^2, ...), one for each tap, over the product of p_j's distances to the other points; the last
// row is infinity's, the last tap alone.
std::vector<std::vector<double>> weight_transform(const std::vector<double> &points, size_t taps) {
    std::vector<std::vector<double>> rows;
    for (double p : points) {
        double value = 1;
        for (double other : points) {
            if (other != p) value /= p - other;
        }
        std::vector<double> &row = rows.emplace_back();
        for (size_t tap = 0; tap < taps; tap++, value *= p)
            row.push_back(value);
    }
    rows.emplace_back(taps, 0.0).back() = 1;
    return rows;
}

// G of a 3x3 filter with m outputs per side: with stride 2 the outer taps meet the points of F(m, 2), and the tap between
// one input for each output.
std::vector<std::vector<double>> filter_transform(int m, int stride) {
    if (stride == 1) return weight_transform(finite_points(m), 3);
    const std::vector<double> points = m == 2 ? std::vector<double>{1, -1} : std::vector<double>{0.5, -0.5, 1.25, -1.25};
    std::vector<std::vector<double>> rows;
    for (const std::vector<double> &outer : weight_transform(points, 2))
        rows.push_back({outer[0], 0, outer[1]});
    rows.insert(rows.end(), size_t(m), {0, 1, 0});
    return rows;
}

} // namespace

PackedConstant pack_winograd_weights(const std::vector<float> &weights, int co, int ci_per_group, int groups,
                                     int co_block, int m, int stride) {
    const auto transform = filter_transform(m, stride);
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
                        const std::vector<double> &t = transform[u];
                        const double *w = &taps[3 * row * width];
                        double *to = &along_x[(row * points + u) * width];
                        for (size_t c = 0; c < width; c++) {
                            to[c] = t[0] * w[c] + t[1] * w[width + c] + t[2] * w[2 * width + c];
                        }
                    }
                }
                for (size_t v = 0; v < points; v++) {
                    for (size_t u = 0; u < points; u++) {
                        const std::vector<double> &t = transform[v];
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

PackedConstant pack_column_weights(const std::vector<float> &weights, int co, int ci, int co_block) {
    constexpr size_t kTaps = 7;
    // Even taps meet even columns, odd taps odd ones.
    const auto even = weight_transform({0, 1, -1, 2, -2, 0.5}, 4), odd = weight_transform(finite_points(4), 3);
    const size_t products = even.size() + odd.size(), inputs = size_t(ci), width = size_t(co_block);
    const size_t blocks = (size_t(co) + width - 1) / width;
    PackedConstant packed;
    packed.extents = {co_block, ci, int(kTaps), int(products), int(blocks), 1};
    packed.elements.assign(width * inputs * kTaps * products * blocks, 0.0f);
    for (size_t c = 0; c < size_t(co); c++) {
        float *block = &packed.elements[c / width * products * kTaps * inputs * width + c % width];
        for (size_t row = 0; row < inputs * kTaps; row++) {
            const size_t i = row % inputs, v = row / inputs;
            const float *taps = &weights[((c * inputs + i) * kTaps + v) * kTaps];
            for (size_t q = 0; q < products; q++) {
                const bool first = q < even.size();
                const std::vector<double> &t = first ? even[q] : odd[q - even.size()];
                double product = 0;
                for (size_t tap = 0; tap < t.size(); tap++)
                    product += t[tap] * double(taps[2 * tap + (first ? 0 : 1)]);
                block[((q * kTaps + v) * inputs + i) * width] = float(product);
            }
        }
    }
    return packed;
}

} // namespace afnet
