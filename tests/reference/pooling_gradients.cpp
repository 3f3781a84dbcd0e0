#include "tests/reference/pooling_gradients.h"

namespace afnet::reference {

namespace {

// Calls visit(c, x, y, f, position in data).
template <class Visit> void for_each(const Tensor4 &tensor, Visit visit) {
    for (int f = 0; f < tensor.f; f++)
        for (int y = 0; y < tensor.y; y++)
            for (int x = 0; x < tensor.x; x++)
                for (int c = 0; c < tensor.c; c++)
                    visit(c, x, y, f, tensor.offset(c, x, y, f));
}

} // namespace

std::vector<uint8_t> max_pool_index(const Tensor4 &input) {
    const Tensor4 pooled(input.c, (input.x + 1) / 2, (input.y + 1) / 2, input.f);
    std::vector<uint8_t> index(pooled.data.size());
    for_each(pooled, [&](int c, int x, int y, int f, size_t at) {
        int best = -1;
        double largest = 0;
        for (int k = 0; k < 9; k++) {
            const int u = 2 * x - 1 + k % 3, v = 2 * y - 1 + k / 3;
            if (u < 0 || v < 0 || u >= input.x || v >= input.y) continue;
            if (best >= 0 && input.at(c, u, v, f) <= largest) continue;
            best = k;
            largest = input.at(c, u, v, f);
        }
        index[at] = uint8_t(best);
    });
    return index;
}

Tensor4 max_pool_gradient(const Tensor4 &d_output, const std::vector<uint8_t> &index, int width, int height) {
    Tensor4 d_input(d_output.c, width, height, d_output.f);
    for_each(d_output, [&](int c, int x, int y, int f, size_t at) {
        d_input.at(c, 2 * x - 1 + index[at] % 3, 2 * y - 1 + index[at] / 3, f) += d_output.data[at];
    });
    return d_input;
}

Tensor4 average_pool_gradient(const Tensor4 &d_output, int width, int height) {
    Tensor4 d_input(d_output.c, width, height, d_output.f);
    for_each(d_output, [&](int c, int x, int y, int f, size_t at) {
        for (int k = 0; k < 9; k++) {
            const int u = 2 * x - 1 + k % 3, v = 2 * y - 1 + k / 3;
            if (u < 0 || v < 0 || u >= width || v >= height) continue;
            d_input.at(c, u, v, f) += d_output.data[at] / 9;
        }
    });
    return d_input;
}

Tensor4 temporal_shift_gradient(const Tensor4 &d_output, int clip_frames) {
    Tensor4 d_input(d_output.c, d_output.x, d_output.y, d_output.f);
    const int fold = d_output.c / 8;
    for_each(d_output, [&](int c, int x, int y, int f, size_t at) {
        const int from = c < fold ? f + 1 : c < 2 * fold ? f - 1 : f;
        if (from < 0 || from / clip_frames != f / clip_frames) return;
        d_input.at(c, x, y, from) += d_output.data[at];
    });
    return d_input;
}

std::vector<double> frame_products(const Tensor4 &a, const Tensor4 &b) {
    std::vector<double> products(size_t(a.f));
    for_each(a, [&](int, int, int, int f, size_t at) { products[size_t(f)] += a.data[at] * b.data[at]; });
    return products;
}

} // namespace afnet::reference
