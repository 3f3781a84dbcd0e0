#include "tests/reference/convolution.h"

#include <algorithm>

namespace afnet::reference {

namespace {

// Output channels are computed this many at a time. A constant, so that the innermost loop is unrolled and vectorised
// by every compiler at -O2; eight doubles fit the registers of the poorest target.
constexpr int kLanes = 8;

/// The filters of `lanes` <= kLanes neighbouring output channels, [lane, ci, u, v] innermost first, zero beyond
/// `lanes`.
struct FilterBlock {
    int kernel, inputs;
    std::vector<double> data;

    FilterBlock(const Convolution &shape, int inputs, const float *weight, int lanes)
        : kernel(shape.kernel), inputs(inputs),
          data(static_cast<size_t>(shape.kernel) * shape.kernel * inputs * kLanes) {
        const int taps = kernel * kernel;
        for (int lane = 0; lane < lanes; lane++)
            for (int ci = 0; ci < inputs; ci++)
                for (int tap = 0; tap < taps; tap++)
                    data[(static_cast<size_t>(tap) * inputs + ci) * kLanes + lane] = *weight++;
    }

    const double *tap(int u, int v) const {
        return data.data() + static_cast<size_t>(v * kernel + u) * inputs * kLanes;
    }
};

/// sums[lane] += sum over ci of input[ci] * filter[lane, ci].
void accumulate_tap(double *sums, const double *input, const double *filter, int inputs) {
    double local[kLanes];
    std::copy_n(sums, kLanes, local);
    for (int ci = 0; ci < inputs; ci++)
        for (int lane = 0; lane < kLanes; lane++)
            local[lane] += input[ci] * filter[ci * kLanes + lane];
    std::copy_n(local, kLanes, sums);
}

/// The filter's response at output pixel (x, y) of frame f, from the input channels at `first_input`.
void accumulate_window(double *sums, const Tensor4 &input, const Convolution &shape, const FilterBlock &filter,
                       int first_input, int x, int y, int f) {
    const int left = x * shape.stride - shape.padding, top = y * shape.stride - shape.padding;
    for (int v = std::max(0, -top); v < std::min(shape.kernel, input.y - top); v++)
        for (int u = std::max(0, -left); u < std::min(shape.kernel, input.x - left); u++)
            accumulate_tap(sums, input.pixel(left + u, top + v, f) + first_input, filter.tap(u, v), filter.inputs);
}

int output_extent(int input_extent, const Convolution &shape) {
    return (input_extent + 2 * shape.padding - shape.kernel) / shape.stride + 1;
}

/// Without a sum over input channels the lanes of a block would be idle; here the channels themselves are innermost.
void depthwise(Tensor4 &output, const Tensor4 &input, const Convolution &shape, const std::vector<float> &weight) {
    const int taps = shape.kernel * shape.kernel;
    for (int f = 0; f < output.f; f++)
        for (int y = 0; y < output.y; y++)
            for (int x = 0; x < output.x; x++)
                for (int tap = 0; tap < taps; tap++) {
                    const int u = x * shape.stride - shape.padding + tap % shape.kernel;
                    const int v = y * shape.stride - shape.padding + tap / shape.kernel;
                    if (u < 0 || u >= input.x || v < 0 || v >= input.y) continue;
                    const double *in = input.pixel(u, v, f);
                    double *out = output.pixel(x, y, f);
                    for (int c = 0; c < input.c; c++)
                        out[c] += in[c] * weight[static_cast<size_t>(c) * taps + tap];
                }
}

void grouped(Tensor4 &output, const Tensor4 &input, const Convolution &shape, const std::vector<float> &weight) {
    const int inputs = input.c / shape.groups, outputs = output.c / shape.groups;
    const size_t filter_size = static_cast<size_t>(inputs) * shape.kernel * shape.kernel;
    for (int co = 0; co < output.c;) {
        const int group = co / outputs;
        const int lanes = std::min(kLanes, (group + 1) * outputs - co);
        const FilterBlock filter(shape, inputs, weight.data() + co * filter_size, lanes);
        for (int f = 0; f < output.f; f++)
            for (int y = 0; y < output.y; y++)
                for (int x = 0; x < output.x; x++) {
                    double sums[kLanes] = {};
                    accumulate_window(sums, input, shape, filter, group * inputs, x, y, f);
                    double *out = output.pixel(x, y, f) + co;
                    for (int lane = 0; lane < lanes; lane++)
                        out[lane] += sums[lane];
                }
        co += lanes;
    }
}

} // namespace

Tensor4 conv2d(const Tensor4 &input, const Convolution &shape, const std::vector<float> &weight,
               const std::vector<float> &bias) {
    require(input.c % shape.groups == 0 && shape.output_channels % shape.groups == 0, "conv2d: groups divide channels");
    const size_t filter_size = static_cast<size_t>(input.c / shape.groups) * shape.kernel * shape.kernel;
    require(weight.size() == shape.output_channels * filter_size, "conv2d: [k, k, c/groups, co] weights");
    require(bias.empty() || bias.size() == static_cast<size_t>(shape.output_channels), "conv2d: one bias per output");
    Tensor4 output(shape.output_channels, output_extent(input.x, shape), output_extent(input.y, shape), input.f);
    for (size_t i = 0; !bias.empty() && i < output.data.size(); i++)
        output.data[i] = bias[i % output.c];
    if (shape.groups == input.c && shape.groups == shape.output_channels)
        depthwise(output, input, shape, weight);
    else
        grouped(output, input, shape, weight);
    return output;
}

} // namespace afnet::reference
