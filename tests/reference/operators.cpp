#include "tests/reference/operators.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace afnet::reference {

namespace {

template <typename Function> Tensor4 map(Tensor4 input, Function function) {
    for (double &v : input.data)
        v = function(v);
    return input;
}

/// Calls visit(output pixel, input pixel) for each input pixel under each 3x3 window of stride 2 and padding 1.
template <typename Visit> void for_each_window_pixel(Tensor4 &output, const Tensor4 &input, Visit visit) {
    for (int f = 0; f < output.f; f++)
        for (int y = 0; y < output.y; y++)
            for (int x = 0; x < output.x; x++)
                for (int v = std::max(2 * y - 1, 0); v <= std::min(2 * y + 1, input.y - 1); v++)
                    for (int u = std::max(2 * x - 1, 0); u <= std::min(2 * x + 1, input.x - 1); u++)
                        visit(output.pixel(x, y, f), input.pixel(u, v, f));
}

Tensor4 halved(const Tensor4 &input) {
    return Tensor4(input.c, (input.x + 1) / 2, (input.y + 1) / 2, input.f);
}

} // namespace

ChannelAffine fold(const BatchNorm &batch_norm) {
    ChannelAffine affine;
    for (size_t c = 0; c < batch_norm.gamma.size(); c++) {
        const double scale = batch_norm.gamma[c] / std::sqrt(batch_norm.variance[c] + kBatchNormEpsilon);
        affine.scale.push_back(scale);
        affine.offset.push_back(batch_norm.beta[c] - batch_norm.mean[c] * scale);
    }
    return affine;
}

Tensor4 apply(const ChannelAffine &affine, Tensor4 input) {
    require(affine.scale.size() == static_cast<size_t>(input.c), "apply: one scale and offset per channel");
    for (size_t first = 0; first < input.data.size(); first += input.c)
        for (int c = 0; c < input.c; c++)
            input.data[first + c] = affine.scale[c] * input.data[first + c] + affine.offset[c];
    return input;
}

double sigmoid(double v) {
    return 1.0 / (1.0 + std::exp(-v));
}

double h_sigmoid(double v) {
    return std::clamp(v + 3.0, 0.0, 6.0) / 6.0;
}

double h_swish(double v) {
    return v * h_sigmoid(v);
}

Tensor4 relu(Tensor4 input) {
    return map(std::move(input), [](double v) { return std::max(v, 0.0); });
}

Tensor4 sigmoid(Tensor4 input) {
    return map(std::move(input), [](double v) { return sigmoid(v); });
}

Tensor4 h_sigmoid(Tensor4 input) {
    return map(std::move(input), [](double v) { return h_sigmoid(v); });
}

Tensor4 h_swish(Tensor4 input) {
    return map(std::move(input), [](double v) { return h_swish(v); });
}

Tensor4 add(Tensor4 a, const Tensor4 &b) {
    require(a.c == b.c && a.x == b.x && a.y == b.y && a.f == b.f, "add: both tensors have one shape");
    for (size_t i = 0; i < a.data.size(); i++)
        a.data[i] += b.data[i];
    return a;
}

Tensor4 scale_channels(Tensor4 input, const Tensor4 &factor) {
    require(factor.c == input.c && factor.f == input.f, "scale_channels: one factor per channel and frame");
    for (int f = 0; f < input.f; f++)
        for (int y = 0; y < input.y; y++)
            for (int x = 0; x < input.x; x++)
                for (int c = 0; c < input.c; c++)
                    input.at(c, x, y, f) *= factor.at(c, 0, 0, f);
    return input;
}

Tensor4 scale_frames(Tensor4 input, const std::vector<double> &factor) {
    require(factor.size() == static_cast<size_t>(input.f), "scale_frames: one factor per frame");
    const size_t frame = input.data.size() / input.f;
    for (size_t i = 0; i < input.data.size(); i++)
        input.data[i] *= factor[i / frame];
    return input;
}

Tensor4 blend(const Tensor4 &theta, const Tensor4 &a, const Tensor4 &b) {
    Tensor4 rest = theta;
    for (double &v : rest.data)
        v = 1.0 - v;
    return add(scale_channels(a, theta), scale_channels(b, rest));
}

Tensor4 max_pool(const Tensor4 &input) {
    Tensor4 output = halved(input);
    std::fill(output.data.begin(), output.data.end(), -std::numeric_limits<double>::infinity());
    for_each_window_pixel(output, input, [&](double *out, const double *in) {
        for (int c = 0; c < input.c; c++)
            out[c] = std::max(out[c], in[c]);
    });
    return output;
}

Tensor4 average_pool(const Tensor4 &input) {
    Tensor4 output = halved(input);
    for_each_window_pixel(output, input, [&](double *out, const double *in) {
        for (int c = 0; c < input.c; c++)
            out[c] += in[c];
    });
    return map(std::move(output), [](double sum) { return sum / 9.0; });
}

Tensor4 global_mean(const Tensor4 &input) {
    Tensor4 mean(input.c, 1, 1, input.f);
    for (int f = 0; f < input.f; f++)
        for (int y = 0; y < input.y; y++)
            for (int x = 0; x < input.x; x++)
                for (int c = 0; c < input.c; c++)
                    mean.at(c, 0, 0, f) += input.at(c, x, y, f);
    const double pixels = static_cast<double>(input.x) * input.y;
    return map(std::move(mean), [pixels](double sum) { return sum / pixels; });
}

Tensor4 temporal_shift(const Tensor4 &input, int clip_frames) {
    require(input.f % clip_frames == 0, "temporal_shift: whole clips");
    const int fold = input.c / 8;
    Tensor4 output = input;
    for (int f = 0; f < input.f; f++) {
        const int t = f % clip_frames;
        const bool has_next = t + 1 < clip_frames, has_previous = t > 0;
        for (int y = 0; y < input.y; y++) {
            for (int x = 0; x < input.x; x++) {
                for (int c = 0; c < fold; c++)
                    output.at(c, x, y, f) = has_next ? input.at(c, x, y, f + 1) : 0.0;
                for (int c = fold; c < 2 * fold; c++)
                    output.at(c, x, y, f) = has_previous ? input.at(c, x, y, f - 1) : 0.0;
            }
        }
    }
    return output;
}

Tensor4 upsample_nearest(const Tensor4 &input, int width, int height) {
    Tensor4 output(input.c, width, height, input.f);
    for (int f = 0; f < input.f; f++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                std::copy_n(input.pixel(x * input.x / width, y * input.y / height, f), input.c, output.pixel(x, y, f));
    return output;
}

Tensor4 linear(const Tensor4 &input, const std::vector<float> &weight, const std::vector<float> &bias, int outputs) {
    require(input.x == 1 && input.y == 1, "linear: the input is one vector per frame");
    require(weight.size() == static_cast<size_t>(input.c) * outputs, "linear: one weight per input and output");
    Tensor4 output(outputs, 1, 1, input.f);
    for (int f = 0; f < input.f; f++) {
        for (int k = 0; k < outputs; k++) {
            double sum = bias.empty() ? 0.0 : bias[k];
            for (int c = 0; c < input.c; c++)
                sum += weight[static_cast<size_t>(k) * input.c + c] * input.at(c, 0, 0, f);
            output.at(k, 0, 0, f) = sum;
        }
    }
    return output;
}

Tensor4 softmax(Tensor4 input) {
    for (size_t first = 0; first < input.data.size(); first += input.c) {
        double *v = input.data.data() + first;
        const double largest = *std::max_element(v, v + input.c);
        double sum = 0.0;
        for (int c = 0; c < input.c; c++)
            sum += v[c] = std::exp(v[c] - largest);
        for (int c = 0; c < input.c; c++)
            v[c] /= sum;
    }
    return input;
}

Tensor4 clip_mean(const Tensor4 &input, int clip_frames) {
    require(input.x == 1 && input.y == 1 && input.f % clip_frames == 0, "clip_mean: vectors of whole clips");
    Tensor4 mean(input.c, 1, 1, input.f / clip_frames);
    for (int f = 0; f < input.f; f++)
        for (int c = 0; c < input.c; c++)
            mean.at(c, 0, 0, f / clip_frames) += input.at(c, 0, 0, f) / clip_frames;
    return mean;
}

} // namespace afnet::reference
