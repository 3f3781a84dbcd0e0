#include "tests/reference/convolution_gradients.h"

namespace afnet::reference {

namespace {

// Calls visit(co, ci, u, v, x of the input, y, x' of the output, y', f) for each product of the convolution; ci counts
// within the group.
template <class Visit>
void for_each_product(const Convolution &shape, const Tensor4 &output, int channels, int width, int height,
                      Visit visit) {
    const int inputs = channels / shape.groups;
    for (int f = 0; f < output.f; f++)
        for (int y = 0; y < output.y; y++)
            for (int x = 0; x < output.x; x++)
                for (int v = 0; v < shape.kernel; v++)
                    for (int u = 0; u < shape.kernel; u++) {
                        const int column = x * shape.stride + u - shape.padding;
                        const int row = y * shape.stride + v - shape.padding;
                        if (column < 0 || column >= width || row < 0 || row >= height) continue;
                        for (int ci = 0; ci < inputs; ci++)
                            for (int co = 0; co < output.c; co++)
                                visit(co, ci, u, v, column, row, x, y, f);
                    }
}

// The input channel that output channel co sees as its ci-th.
int seen(const Convolution &shape, int channels, int co, int ci) {
    return co / (shape.output_channels / shape.groups) * (channels / shape.groups) + ci;
}

} // namespace

std::vector<float> conv2d_weight(const Tensor4 &weights) {
    std::vector<float> result;
    for (int co = 0; co < weights.c; co++)
        for (int ci = 0; ci < weights.x; ci++)
            for (int v = 0; v < weights.f; v++)
                for (int u = 0; u < weights.y; u++)
                    result.push_back(float(weights.at(co, ci, u, v)));
    return result;
}

Tensor4 conv2d_grad_input(const Tensor4 &d_output, const Convolution &shape, const Tensor4 &weights, int channels,
                          int width, int height) {
    require(d_output.c == shape.output_channels, "conv2d_grad_input: channels");
    Tensor4 d_input(channels, width, height, d_output.f);
    for_each_product(shape, d_output, channels, width, height,
                     [&](int co, int ci, int u, int v, int column, int row, int x, int y, int f) {
                         d_input.at(seen(shape, channels, co, ci), column, row, f) +=
                             weights.at(co, ci, u, v) * d_output.at(co, x, y, f);
                     });
    return d_input;
}

Tensor4 conv2d_grad_weights(const Tensor4 &input, const Tensor4 &d_output, const Convolution &shape) {
    require(d_output.c == shape.output_channels && d_output.f == input.f, "conv2d_grad_weights: extents");
    Tensor4 d_weights(d_output.c, input.c / shape.groups, shape.kernel, shape.kernel);
    for_each_product(shape, d_output, input.c, input.x, input.y,
                     [&](int co, int ci, int u, int v, int column, int row, int x, int y, int f) {
                         d_weights.at(co, ci, u, v) +=
                             d_output.at(co, x, y, f) * input.at(seen(shape, input.c, co, ci), column, row, f);
                     });
    return d_weights;
}

} // namespace afnet::reference
