// Winograd's minimal filtering: the one-dimensional transforms as rows of expressions, which the generators unroll, so
// that no matrix is left at run time.
//
// Y = A^T [(G w G^T) . (B^T d B)] A for an m x m tile of outputs of a 3x3 filter (Lavin and Gray, 2016, eq. 8). With
// stride 1 the tile reads d of m + 2 rows and columns, and minimal filtering is F(m, 3). Its points are 0, +-1,
// infinity for m = 2 and 0, +-sqrt(1/2), +-sqrt(2), infinity for m = 4: the latter err three to five times less than
// the customary 0, +-1, +-2 (docs/performance.md). For m = 5 they are three pairs and infinity.
//
// With stride 2 it reads 2 m + 1 of either. The outer taps meet every second of these, with stride 1: F(m, 2), whose
// points are pairs and infinity. The tap between meets the others, one for each output.
//
// model/winograd_packing.cpp transforms the weights for the same points.
#pragma once

#include <cmath>
#include <vector>

#include "Halide.h"

namespace afnet::generators {

/// Tiles of a 3x3 convolution.
struct WinogradShape {
    int outputs; // per side
    int stride;

    /// Inputs, and points, per side.
    int side() const { return stride == 1 ? outputs + 2 : 2 * outputs + 1; }
};

/// B^T d where the points are pairs +-p and infinity: rows +p and -p of each pair, which share their even and odd
/// halves, then infinity's. Row j is the product of (x - q) over all other points q, with x^i read as d[i].
inline std::vector<Halide::Expr> paired_input_rows(const std::vector<double> &pairs,
                                                   const std::vector<Halide::Expr> &d) {
    using Halide::Expr;
    // The product of x^2 - q^2 over all pairs but one: coefficients of x^0, x^2, ...
    const auto coefficients = [&](size_t left_out) {
        std::vector<double> result = {1};
        for (size_t k = 0; k < pairs.size(); k++) {
            if (k == left_out) continue;
            result.insert(result.begin(), 0.0);
            for (size_t i = 0; i + 1 < result.size(); i++)
                result[i] -= pairs[k] * pairs[k] * result[i + 1];
        }
        return result;
    };
    const auto read = [&](const std::vector<double> &polynomial, size_t first) {
        Expr sum = d[first + 2 * (polynomial.size() - 1)];
        for (size_t i = polynomial.size() - 1; i-- > 0;)
            sum += float(polynomial[i]) * d[first + 2 * i];
        return sum;
    };
    std::vector<Expr> rows;
    for (size_t k = 0; k < pairs.size(); k++) {
        const Expr odd = read(coefficients(k), 1), even = float(pairs[k]) * read(coefficients(k), 0);
        rows.insert(rows.end(), {odd + even, odd - even});
    }
    rows.push_back(read(coefficients(pairs.size()), 0));
    return rows;
}

/// A^T y for the same points: `outputs` rows of the points' powers; infinity gives the last output alone.
inline std::vector<Halide::Expr> paired_output_rows(const std::vector<double> &pairs, int outputs,
                                                    const std::vector<Halide::Expr> &y) {
    using Halide::Expr;
    std::vector<Expr> rows;
    for (int power = 0; power < outputs; power++) {
        Expr row = power + 1 == outputs ? y[2 * pairs.size()] : Expr();
        for (size_t k = 0; k < pairs.size(); k++) {
            const Expr both = power % 2 == 0 ? y[2 * k] + y[2 * k + 1] : y[2 * k] - y[2 * k + 1];
            const Expr term = float(std::pow(pairs[k], power)) * both;
            row = row.defined() ? row + term : term;
        }
        rows.push_back(row);
    }
    return rows;
}

/// Of F(5, 3), and of F(m, 2).
inline const std::vector<double> kFiveOutputPairs = {0.35, 0.8, 1.75};
inline std::vector<double> stride_two_pairs(int m) {
    return m == 2 ? std::vector<double>{1} : std::vector<double>{0.5, 1.25};
}

/// B^T d of F(m, 3): m + 2 rows from as many inputs.
inline std::vector<Halide::Expr> winograd_input_rows(int m, const std::vector<Halide::Expr> &d) {
    if (m == 2) return {d[2] - d[0], d[2] + d[1], d[2] - d[1], d[3] - d[1]};
    if (m == 5) return paired_input_rows(kFiveOutputPairs, d);
    const double a = std::sqrt(0.5), b = std::sqrt(2.0);
    const float a2 = float(a * a), b2 = float(b * b), sum = float(a * a + b * b), product = float(a * a * b * b);
    const Halide::Expr even_a = d[4] - b2 * d[2], odd_a = float(a) * (d[3] - b2 * d[1]);
    const Halide::Expr even_b = d[4] - a2 * d[2], odd_b = float(b) * (d[3] - a2 * d[1]);
    return {d[4] - sum * d[2] + product * d[0], even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b,
            d[5] - sum * d[3] + product * d[1]};
}

/// A^T y of F(m, 3): m outputs from m + 2 products.
inline std::vector<Halide::Expr> winograd_output_rows(int m, const std::vector<Halide::Expr> &y) {
    if (m == 2) return {y[0] + y[1] + y[2], y[1] - y[2] + y[3]};
    if (m == 5) return paired_output_rows(kFiveOutputPairs, m, y);
    const double a = std::sqrt(0.5), b = std::sqrt(2.0);
    const Halide::Expr sum_a = y[1] + y[2], difference_a = y[1] - y[2];
    const Halide::Expr sum_b = y[3] + y[4], difference_b = y[3] - y[4];
    return {y[0] + sum_a + sum_b, float(a) * difference_a + float(b) * difference_b,
            float(a * a) * sum_a + float(b * b) * sum_b,
            float(a * a * a) * difference_a + float(b * b * b) * difference_b + y[5]};
}

/// B^T d of either stride: shape.side() rows from as many inputs.
inline std::vector<Halide::Expr> winograd_input_rows(const WinogradShape &shape, const std::vector<Halide::Expr> &d) {
    if (shape.stride == 1) return winograd_input_rows(shape.outputs, d);
    std::vector<Halide::Expr> outer, between;
    for (size_t k = 0; k < d.size(); k++)
        (k % 2 == 0 ? outer : between).push_back(d[k]);
    std::vector<Halide::Expr> rows = paired_input_rows(stride_two_pairs(shape.outputs), outer);
    rows.insert(rows.end(), between.begin(), between.end());
    return rows;
}

/// A^T y of either stride: shape.outputs rows from shape.side() products.
inline std::vector<Halide::Expr> winograd_output_rows(const WinogradShape &shape, const std::vector<Halide::Expr> &y) {
    if (shape.stride == 1) return winograd_output_rows(shape.outputs, y);
    std::vector<Halide::Expr> rows = paired_output_rows(stride_two_pairs(shape.outputs), shape.outputs, y);
    for (size_t j = 0; j < rows.size(); j++)
        rows[j] += y[size_t(shape.outputs) + 1 + j];
    return rows;
}

} // namespace afnet::generators
