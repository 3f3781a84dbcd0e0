#include "tests/reference/spatial_training.h"

#include <cmath>
#include <functional>

namespace afnet::reference {

namespace {

struct Window {
    int begin, end;
};

Window window(int patch, int pixels, int patches) {
    return {int(std::floor(double(patch) * pixels / patches)), int(std::ceil(double(patch + 1) * pixels / patches))};
}

// Every pixel of the window of every patch.
void for_each_read(int width, int height, int columns, int rows,
                   const std::function<void(int i, int j, int x, int y, double part)> &visit) {
    for (int j = 0; j < rows; j++) {
        for (int i = 0; i < columns; i++) {
            const Window across = window(i, width, columns), down = window(j, height, rows);
            const double part = 1.0 / ((across.end - across.begin) * (down.end - down.begin));
            for (int y = down.begin; y < down.end; y++)
                for (int x = across.begin; x < across.end; x++)
                    visit(i, j, x, y, part);
        }
    }
}

// The patch of every pixel of every frame.
void for_each_pixel(const Tensor4 &map, const Tensor4 &patches,
                    const std::function<void(int x, int y, int f, size_t patch)> &visit) {
    require(map.f == patches.f && patches.c == 1, "a mask for every frame");
    for (int f = 0; f < map.f; f++)
        for (int y = 0; y < map.y; y++)
            for (int x = 0; x < map.x; x++)
                visit(x, y, f, patches.offset(0, x * patches.x / map.x, y * patches.y / map.y, f));
}

double frame_weight(const Tensor4 *frames, int f) {
    return frames ? frames->data[size_t(f)] : 1;
}

double total_weight(const Tensor4 &patches, const Tensor4 *frames) {
    double sum = 0;
    for (int f = 0; f < patches.f; f++)
        sum += frame_weight(frames, f);
    return sum * patches.x * patches.y;
}

double selected_weight(const Tensor4 &patches, const Tensor4 *frames) {
    double sum = 0;
    for (int f = 0; f < patches.f; f++)
        for (int j = 0; j < patches.y; j++)
            for (int i = 0; i < patches.x; i++)
                sum += frame_weight(frames, f) * patches.at(0, i, j, f);
    return sum;
}

} // namespace

Tensor4 grid_pool(const Tensor4 &input, int columns, int rows) {
    Tensor4 output(input.c, columns, rows, input.f);
    for_each_read(input.x, input.y, columns, rows, [&](int i, int j, int x, int y, double part) {
        for (int f = 0; f < input.f; f++)
            for (int c = 0; c < input.c; c++)
                output.at(c, i, j, f) += part * input.at(c, x, y, f);
    });
    return output;
}

Tensor4 grid_pool_gradient(const Tensor4 &d_output, int width, int height) {
    Tensor4 d_input(d_output.c, width, height, d_output.f);
    for_each_read(width, height, d_output.x, d_output.y, [&](int i, int j, int x, int y, double part) {
        for (int f = 0; f < d_output.f; f++)
            for (int c = 0; c < d_output.c; c++)
                d_input.at(c, x, y, f) += part * d_output.at(c, i, j, f);
    });
    return d_input;
}

SpatialGateState spatial_gate(const SpatialGateCase &in) {
    const Tensor4 shape(1, in.pooled.x, in.pooled.y, in.pooled.f);
    SpatialGateState s{Tensor4(2, shape.x, shape.y, shape.f), shape, shape, shape};
    for (int f = 0; f < shape.f; f++) {
        for (int j = 0; j < shape.y; j++) {
            for (int i = 0; i < shape.x; i++) {
                double noisy[2];
                for (int k = 0; k < 2; k++) {
                    double &logit = s.logits.at(k, i, j, f);
                    logit = in.bias.at(k, 0, 0, 0);
                    for (int c = 0; c < in.pooled.c; c++)
                        logit += in.weights.at(k, 0, 0, c) * in.pooled.at(c, i, j, f);
                    noisy[k] = logit - std::log(1e-10 - std::log(in.uniform.at(k, i, j, f) + 1e-10));
                }
                const double margin = noisy[1] - noisy[0];
                s.margin.at(0, i, j, f) = margin;
                s.soft.at(0, i, j, f) = sigmoid(margin / in.temperature);
                s.mask.at(0, i, j, f) = margin > 0;
            }
        }
    }
    return s;
}

SpatialGateGradient spatial_gate_gradient(const SpatialGateCase &in, const Tensor4 &d_mask) {
    const SpatialGateState s = spatial_gate(in);
    SpatialGateGradient d{Tensor4(in.pooled.c, in.pooled.x, in.pooled.y, in.pooled.f), Tensor4(2, 1, 1, in.pooled.c),
                          Tensor4(2, 1, 1, 1)};
    for (int f = 0; f < in.pooled.f; f++) {
        for (int j = 0; j < in.pooled.y; j++) {
            for (int i = 0; i < in.pooled.x; i++) {
                const double v = s.margin.at(0, i, j, f) / in.temperature;
                const double d_margin = d_mask.at(0, i, j, f) * sigmoid(v) * sigmoid(-v) / in.temperature;
                for (int k = 0; k < 2; k++) {
                    const double d_logit = k == 1 ? d_margin : -d_margin;
                    d.bias.at(k, 0, 0, 0) += d_logit;
                    for (int c = 0; c < in.pooled.c; c++) {
                        d.weights.at(k, 0, 0, c) += d_logit * in.pooled.at(c, i, j, f);
                        d.pooled.at(c, i, j, f) += d_logit * in.weights.at(k, 0, 0, c);
                    }
                }
            }
        }
    }
    return d;
}

Tensor4 patches_product(const Tensor4 &input, const Tensor4 &patches, const Tensor4 *frames) {
    Tensor4 output = input;
    for_each_pixel(input, patches, [&](int x, int y, int f, size_t patch) {
        for (int c = 0; c < input.c; c++)
            output.at(c, x, y, f) *= 1 - frame_weight(frames, f) * (1 - patches.data[patch]);
    });
    return output;
}

PatchesGradient patches_gradient(const Tensor4 &input, const Tensor4 &patches, const Tensor4 *frames,
                                 const Tensor4 &d_output) {
    PatchesGradient d{patches_product(d_output, patches, frames), Tensor4(1, patches.x, patches.y, patches.f),
                      Tensor4(1, 1, 1, patches.f)};
    for_each_pixel(input, patches, [&](int x, int y, int f, size_t patch) {
        for (int c = 0; c < input.c; c++) {
            const double worth = d_output.at(c, x, y, f) * input.at(c, x, y, f);
            d.patches.data[patch] += frame_weight(frames, f) * worth;
            d.frames.data[size_t(f)] += (patches.data[patch] - 1) * worth;
        }
    });
    return d;
}

double patch_ratio_error(const Tensor4 &patches, const Tensor4 *frames, const PatchRatio &wanted) {
    const double total = total_weight(patches, frames) + wanted.others;
    if (total == 0) return 0;
    return std::pow(wanted.target - (selected_weight(patches, frames) + wanted.other_selected) / total, 2);
}

Tensor4 patch_ratio_gradient(const Tensor4 &patches, const Tensor4 *frames, const PatchRatio &wanted) {
    Tensor4 d(1, patches.x, patches.y, patches.f);
    const double total = total_weight(patches, frames) + wanted.others;
    if (total == 0) return d;
    const double ratio = (selected_weight(patches, frames) + wanted.other_selected) / total;
    for (int f = 0; f < patches.f; f++)
        for (int j = 0; j < patches.y; j++)
            for (int i = 0; i < patches.x; i++)
                d.at(0, i, j, f) = 2 * (ratio - wanted.target) * frame_weight(frames, f) / total;
    return d;
}

} // namespace afnet::reference
