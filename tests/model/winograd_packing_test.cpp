// Transformed weights against the definition of minimal filtering: A^T [(G w G^T) . (B^T d B)] A is the correlation of
// d with w, whatever the tile.
#include <catch2/catch.hpp>
#include <cmath>

#include "model/packing.h"
#include "model/recipe.h"

using namespace afnet;

namespace {

using Matrix = std::vector<std::vector<double>>;

const std::vector<double> kRoots = {0, std::sqrt(0.5), -std::sqrt(0.5), std::sqrt(2.0), -std::sqrt(2.0)};

std::vector<double> points_of(int m) {
    if (m == 5) return {0.35, -0.35, 0.8, -0.8, 1.75, -1.75};
    return m == 2 ? std::vector<double>{0, 1, -1} : kRoots;
}

// A^T: powers of the points; infinity gives the last output alone.
Matrix output_transform(int m, const std::vector<double> &points) {
    Matrix rows;
    for (int power = 0; power < m; power++) {
        std::vector<double> row;
        for (double p : points)
            row.push_back(std::pow(p, power));
        row.push_back(power + 1 == m ? 1 : 0);
        rows.push_back(row);
    }
    return rows;
}

// B^T: row j holds the coefficients of the product of (x - p) over the other finite points; infinity's has all points.
Matrix input_transform(const std::vector<double> &points) {
    const size_t n = points.size() + 1;
    Matrix rows;
    for (size_t j = 0; j < n; j++) {
        std::vector<double> polynomial(n, 0.0);
        polynomial[0] = 1;
        for (size_t l = 0; l + 1 < n; l++) {
            if (l == j) continue;
            for (size_t k = n; k-- > 0;)
                polynomial[k] = (k > 0 ? polynomial[k - 1] : 0) - points[l] * polynomial[k];
        }
        rows.push_back(polynomial);
    }
    return rows;
}

double uniform(uint64_t stream, size_t i) {
    return 2 * recipe_uniform(stream, 7, i) - 1;
}

// Of both transforms with stride 2: every second input by minimal filtering of two taps, the others one by one.
void halve(int m, Matrix &at, Matrix &bt) {
    const std::vector<double> points = m == 2 ? std::vector<double>{1, -1} : std::vector<double>{0.5, -0.5, 1.25, -1.25};
    const Matrix outer = input_transform(points);
    at = output_transform(m, points);
    bt.assign(size_t(2 * m + 1), std::vector<double>(size_t(2 * m + 1), 0.0));
    for (size_t j = 0; j < outer.size(); j++) {
        for (size_t k = 0; k < outer.size(); k++)
            bt[j][2 * k] = outer[j][k];
    }
    for (size_t j = 0; j < size_t(m); j++) {
        bt[outer.size() + j][2 * j + 1] = 1;
        for (size_t row = 0; row < size_t(m); row++)
            at[row].push_back(row == j ? 1 : 0);
    }
}

void check(int m, int stride, int co, int ci, int groups, int block) {
    const std::vector<double> points = points_of(m);
    Matrix at = output_transform(m, points), bt = input_transform(points);
    if (stride == 2) halve(m, at, bt);
    const size_t n = bt.size();
    std::vector<float> weights(size_t(co * ci * 9));
    for (size_t i = 0; i < weights.size(); i++)
        weights[i] = float(uniform(1, i));
    const PackedConstant packed = pack_winograd_weights(weights, co, ci, groups, block, m, stride);
    const int channels = co / groups, blocks = (channels + block - 1) / block;
    REQUIRE(packed.extents == std::vector<int>{block, ci, int(n), int(n), blocks, groups});

    Matrix d(n, std::vector<double>(n)), transformed(n, std::vector<double>(n));
    for (size_t i = 0; i < n * n; i++)
        d[i / n][i % n] = uniform(2, i);
    for (size_t v = 0; v < n; v++) {
        for (size_t u = 0; u < n; u++) {
            transformed[v][u] = 0;
            for (size_t y = 0; y < n; y++) {
                for (size_t x = 0; x < n; x++)
                    transformed[v][u] += bt[v][y] * d[y][x] * bt[u][x];
            }
        }
    }
    for (int g = 0; g < groups; g++) {
        for (int c = 0; c < blocks * block; c++) {
            for (int i = 0; i < ci; i++) {
                const auto u_at = [&](size_t u, size_t v) {
                    return double(
                        packed
                            .elements[((((size_t(g * blocks + c / block) * n + v) * n + u) * size_t(ci)) + size_t(i)) *
                                          size_t(block) +
                                      size_t(c % block)]);
                };
                if (c >= channels) {
                    CHECK(u_at(0, 0) == 0);
                    continue;
                }
                const float *w = &weights[size_t((g * channels + c) * ci + i) * 9];
                for (int y = 0; y < m; y++) {
                    for (int x = 0; x < m; x++) {
                        double direct = 0, winograd = 0;
                        for (int k = 0; k < 9; k++)
                            direct += double(w[k]) * d[size_t(stride * y + k / 3)][size_t(stride * x + k % 3)];
                        for (size_t v = 0; v < n; v++) {
                            for (size_t u = 0; u < n; u++) {
                                winograd += at[size_t(y)][v] * u_at(u, v) * transformed[v][u] * at[size_t(x)][u];
                            }
                        }
                        // Only the packed weights are rounded to float.
                        CHECK(std::abs(winograd - direct) < 1e-5);
                    }
                }
            }
        }
    }
}

// Sums of each row's products are that row's outputs: y_j = sum_u w_u d_{2 j + u}.
void check_columns(int co, int ci, int block) {
    constexpr size_t kTaps = 7, kOutputs = 4, kEven = 7, kProducts = 13;
    const Matrix even_in = input_transform({0, 1, -1, 2, -2, 0.5}),
                 even_out = output_transform(4, {0, 1, -1, 2, -2, 0.5}), odd_in = input_transform(kRoots),
                 odd_out = output_transform(4, kRoots);
    std::vector<float> weights(size_t(co * ci) * kTaps * kTaps);
    for (size_t i = 0; i < weights.size(); i++)
        weights[i] = float(uniform(1, i));
    const PackedConstant packed = pack_column_weights(weights, co, ci, block);
    const size_t width = size_t(block), inputs = size_t(ci), blocks = (size_t(co) + width - 1) / width;
    REQUIRE(packed.extents == std::vector<int>{block, ci, int(kTaps), int(kProducts), int(blocks), 1});

    std::vector<double> d(2 * (kOutputs - 1) + kTaps), read(kProducts, 0.0);
    for (size_t k = 0; k < d.size(); k++)
        d[k] = uniform(2, k);
    for (size_t q = 0; q < kProducts; q++) {
        const std::vector<double> &row = q < kEven ? even_in[q] : odd_in[q - kEven];
        for (size_t k = 0; k < row.size(); k++)
            read[q] += row[k] * d[2 * k + (q < kEven ? 0 : 1)];
    }
    for (size_t c = 0; c < blocks * width; c++) {
        for (size_t row = 0; row < inputs * kTaps; row++) {
            const size_t i = row % inputs, v = row / inputs;
            const auto weight = [&](size_t q) {
                return double(
                    packed.elements[(((c / width * kProducts + q) * kTaps + v) * inputs + i) * width + c % width]);
            };
            if (c >= size_t(co)) {
                CHECK(weight(0) == 0);
                continue;
            }
            for (size_t j = 0; j < kOutputs; j++) {
                double direct = 0, sum = 0;
                for (size_t u = 0; u < kTaps; u++)
                    direct += double(weights[((c * inputs + i) * kTaps + v) * kTaps + u]) * d[2 * j + u];
                for (size_t q = 0; q < kProducts; q++)
                    sum += (q < kEven ? even_out[j][q] : odd_out[j][q - kEven]) * weight(q) * read[q];
                CHECK(std::abs(sum - direct) < 1e-5); // only the packed weights are rounded to float
            }
        }
    }
}

} // namespace

TEST_CASE("transformed weights give the convolution", "[packing]") {
    for (const auto &[m, stride] : {std::pair(2, 1), std::pair(4, 1), std::pair(5, 1), std::pair(2, 2), std::pair(4, 2)}) {
        check(m, stride, 5, 3, 1, 8);
        check(m, stride, 12, 2, 2, 4);
        check(m, stride, 16, 1, 1, 16);
    }
}

TEST_CASE("transformed rows of filters with stride 2 give the convolution of a row", "[packing]") {
    check_columns(5, 3, 8);
    check_columns(16, 1, 16);
    check_columns(20, 2, 4);
}
