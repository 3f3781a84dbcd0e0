// Winograd's minimal filtering along the columns of a filter with seven taps and stride 2: four outputs of a row from
// thirteen products instead of 28.
//
// Output j reads the inputs 2 j .. 2 j + 6. Even taps meet even inputs, odd taps odd ones, both with stride 1:
//   y_j = sum_{a in 0..3} w_{2a} d_{2 (j + a)} + sum_{a in 0..2} w_{2a+1} d_{2 (j + a) + 1}
// which are F(4, 4) of seven products and F(4, 3) of six. The points of the first are 0, 1, -1, 2, -2, 1/2, infinity,
// those of the second generators/winograd.h's for m = 4. model/winograd_packing.cpp transforms the weights for the same
// points.
#pragma once

#include <vector>

#include "Halide.h"
#include "generators/winograd_transforms.h"

namespace afnet::generators {

inline constexpr int kColumnOutputs = 4;                                       // of a tile
inline constexpr int kColumnInputs = 2 * (kColumnOutputs - 1) + 7;             // which those read
inline constexpr int kEvenProducts = 4 + kColumnOutputs - 1;                   // of the four even taps
inline constexpr int kColumnProducts = kEvenProducts + 3 + kColumnOutputs - 1; // and of the three odd ones

/// The transformed input: what the thirteen products read, from thirteen neighbouring inputs.
inline std::vector<Halide::Expr> column_input_rows(const std::vector<Halide::Expr> &d) {
    using Halide::Expr;
    std::vector<Expr> e, odd;
    for (size_t k = 0; k < size_t(kColumnInputs); k++)
        (k % 2 == 0 ? e : odd).push_back(d[k]);
    // x^k times (x^2 - 1) (x^2 - 4), and x^k (x - 1/2) times x^2 - 4 and x^2 - 1, with x^i read as input i.
    const auto quartic = [&](size_t k) { return e[k + 4] - 5.0f * e[k + 2] + 4.0f * e[k]; };
    const auto cubic = [&](size_t k, float root) {
        return (e[k + 3] - 0.5f * e[k + 2]) - root * (e[k + 1] - 0.5f * e[k]);
    };
    const Expr s0 = quartic(0), s1 = quartic(1), s2 = quartic(2);
    const Expr one1 = cubic(1, 4.0f), one2 = cubic(2, 4.0f), two1 = 2.0f * cubic(1, 1.0f), two2 = cubic(2, 1.0f);
    std::vector<Expr> rows = {s1 - 0.5f * s0, one2 + one1, one2 - one1, two2 + two1, two2 - two1, s1, s2 - 0.5f * s1};
    for (const Expr &row : winograd_input_rows(kColumnOutputs, odd))
        rows.push_back(row);
    return rows;
}

/// Four outputs from the thirteen products.
inline std::vector<Halide::Expr> column_output_rows(const std::vector<Halide::Expr> &y) {
    using Halide::Expr;
    const Expr sum_1 = y[1] + y[2], difference_1 = y[1] - y[2], sum_2 = y[3] + y[4], difference_2 = y[3] - y[4];
    std::vector<Expr> rows = winograd_output_rows(kColumnOutputs, {y.begin() + kEvenProducts, y.end()});
    rows[0] += y[0] + sum_1 + sum_2 + y[5];
    rows[1] += difference_1 + 2.0f * difference_2 + 0.5f * y[5];
    rows[2] += sum_1 + 4.0f * sum_2 + 0.25f * y[5];
    rows[3] += difference_1 + 8.0f * difference_2 + 0.125f * y[5] + y[6];
    return rows;
}

} // namespace afnet::generators
