#include "tests/generators/paired_winograd.h"

#include <array>
#include <cmath>

#include "runtime/element_type.h"

namespace afnet {

namespace {

using reference::Tensor4;
using Points = std::array<double, 16>; // row v, column u

double rounded(float value) {
    return double(float_of_bfloat16(bfloat16_bits(value)));
}

// G w G^T.
Points filter_points(const float *w) {
    const double g[4][3] = {{-1, 0, 0}, {.5, .5, .5}, {.5, -.5, .5}, {0, 0, 1}};
    Points points;
    for (int v = 0; v < 4; v++) {
        for (int u = 0; u < 4; u++) {
            double sum = 0;
            for (int tap = 0; tap < 9; tap++)
                sum += g[v][tap / 3] * double(w[tap]) * g[u][tap % 3];
            points[size_t(4 * v + u)] = rounded(float(sum));
        }
    }
    return points;
}

void transform(float *d, int step) {
    const float a = d[0], b = d[step], c = d[2 * step], e = d[3 * step];
    d[0] = c - a, d[step] = c + b, d[2 * step] = c - b, d[3 * step] = e - b;
}

// B^T d B, rows first, of the tile whose first output is (x, y).
Points input_points(const Tensor4 &input, int c, int x, int y, int f) {
    float d[16];
    for (int i = 0; i < 16; i++) {
        const int column = x + i % 4 - 1, row = y + i / 4 - 1;
        const bool inside = column >= 0 && row >= 0 && column < input.x && row < input.y;
        d[i] = inside ? float(input.at(c, column, row, f)) : 0;
    }
    for (int row = 0; row < 4; row++)
        transform(d + 4 * row, 1);
    for (int column = 0; column < 4; column++)
        transform(d + column, 4);
    Points points;
    for (size_t i = 0; i < 16; i++)
        points[i] = rounded(d[i]);
    return points;
}

} // namespace

PairedWinograd paired_winograd(const Tensor4 &input, const std::vector<float> &weights, int co, int groups) {
    const double a[2][4] = {{1, 1, 1, 0}, {0, 1, -1, 1}}; // A^T
    const int inputs = input.c / groups, channels = co / groups;
    std::vector<Points> filters;
    for (int i = 0; i < co * inputs; i++)
        filters.push_back(filter_points(&weights[size_t(i) * 9]));
    PairedWinograd result = {Tensor4(co, input.x, input.y, input.f), Tensor4(co, input.x, input.y, input.f)};
    for (int f = 0; f < input.f; f++) {
        for (int y = 0; y < input.y; y++) {
            for (int x = 0; x < input.x; x++) {
                std::vector<Points> read;
                for (int c = 0; c < input.c; c++)
                    read.push_back(input_points(input, c, x - x % 2, y - y % 2, f));
                for (int c = 0; c < co; c++) {
                    double sum = 0, magnitude = 0;
                    for (int i = 0; i < inputs; i++) {
                        const Points &d = read[size_t(c / channels * inputs + i)];
                        const Points &w = filters[size_t(c * inputs + i)];
                        for (size_t p = 0; p < 16; p++) {
                            const double term = a[y % 2][p / 4] * a[x % 2][p % 4] * d[p] * w[p];
                            sum += term, magnitude += std::abs(term);
                        }
                    }
                    result.sum.at(c, x, y, f) = sum;
                    result.magnitude.at(c, x, y, f) = magnitude;
                }
            }
        }
    }
    return result;
}

} // namespace afnet
