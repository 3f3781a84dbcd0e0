// The definitions against values worked out by hand, or by a still plainer loop.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <vector>

#include "tests/reference/convolution.h"
#include "tests/reference/operators.h"
#include "tests/reference/resize.h"
#include "tests/reference/selection.h"

namespace afnet::reference {

namespace {

/// Small whole numbers without a pattern: sums of their products are exact in any order.
double number(size_t i) {
    return static_cast<double>(i * 2654435761u % 17) - 8.0;
}

Tensor4 numbered(int c, int x, int y, int f) {
    Tensor4 tensor(c, x, y, f);
    for (size_t i = 0; i < tensor.data.size(); i++)
        tensor.data[i] = number(i);
    return tensor;
}

double padded(const Tensor4 &input, int c, int x, int y, int f) {
    return x < 0 || x >= input.x || y < 0 || y >= input.y ? 0.0 : input.at(c, x, y, f);
}

double convolved(const Tensor4 &input, const Convolution &shape, const std::vector<float> &weight, int co, int x, int y,
                 int f) {
    const int inputs = input.c / shape.groups, first = co / (shape.output_channels / shape.groups) * inputs;
    double sum = 0.0;
    for (int ci = 0; ci < inputs; ci++)
        for (int v = 0; v < shape.kernel; v++)
            for (int u = 0; u < shape.kernel; u++)
                sum += weight[((co * inputs + ci) * shape.kernel + v) * shape.kernel + u] *
                       padded(input, first + ci, x * shape.stride + u - shape.padding,
                              y * shape.stride + v - shape.padding, f);
    return sum;
}

} // namespace

TEST_CASE("conv2d is the sum that defines it", "[reference]") {
    const Convolution shape =
        GENERATE(Convolution{8, 1, 1, 0, 1}, Convolution{20, 3, 2, 1, 2}, Convolution{12, 5, 1, 2, 12},
                 Convolution{24, 3, 1, 1, 12}, Convolution{9, 7, 2, 3, 3}, Convolution{4, 1, 2, 0, 1});
    const Tensor4 input = numbered(12, 6, 5, 2);
    std::vector<float> weight(shape.output_channels * (12 / shape.groups) * shape.kernel * shape.kernel);
    for (size_t i = 0; i < weight.size(); i++)
        weight[i] = static_cast<float>(number(i + 5));
    const std::vector<float> bias(shape.output_channels, 3.0f);
    const Tensor4 output = conv2d(input, shape, weight, bias);
    REQUIRE(output.x == (6 + 2 * shape.padding - shape.kernel) / shape.stride + 1);
    REQUIRE(output.y == (5 + 2 * shape.padding - shape.kernel) / shape.stride + 1);
    for (int f = 0; f < output.f; f++)
        for (int y = 0; y < output.y; y++)
            for (int x = 0; x < output.x; x++)
                for (int co = 0; co < output.c; co++)
                    REQUIRE(output.at(co, x, y, f) == 3.0 + convolved(input, shape, weight, co, x, y, f));
}

TEST_CASE("batch normalisation folds into scale and offset", "[reference]") {
    const ChannelAffine affine = fold({{2.0f}, {5.0f}, {3.0f}, {4.0f}});
    CHECK(affine.scale[0] == Approx(2.0 / std::sqrt(4.00001)).epsilon(1e-15));
    CHECK(apply(affine, Tensor4(1, 1, 1, 1)).data[0] == Approx(5.0 - 6.0 / std::sqrt(4.00001)).epsilon(1e-15));
}

TEST_CASE("activations take their values at the bends", "[reference]") {
    CHECK(sigmoid(0.0) == 0.5);
    CHECK(h_sigmoid(-3.0) == 0.0);
    CHECK(h_sigmoid(3.5) == 1.0);
    CHECK(h_swish(-1.5) == -0.375);
    CHECK(h_swish(4.0) == 4.0);
}

TEST_CASE("pools see the padding as they should", "[reference]") {
    Tensor4 input(1, 3, 2, 1);
    input.data = {-1, -2, -3, -4, -5, -9};
    CHECK(max_pool(input).data == std::vector<double>{-1, -2});
    CHECK(average_pool(input).data == std::vector<double>{-12.0 / 9.0, -19.0 / 9.0});
    CHECK(global_mean(input).data == std::vector<double>{-4});
}

TEST_CASE("the temporal shift stays inside clips", "[reference]") {
    Tensor4 input(17, 1, 1, 4); // fold = 2; two clips of two frames
    for (size_t i = 0; i < input.data.size(); i++)
        input.data[i] = 1.0 + static_cast<double>(i);
    const Tensor4 output = temporal_shift(input, 2);
    CHECK(output.at(1, 0, 0, 0) == input.at(1, 0, 0, 1)); // from the next frame
    CHECK(output.at(1, 0, 0, 1) == 0.0);
    CHECK(output.at(2, 0, 0, 2) == 0.0);
    CHECK(output.at(3, 0, 0, 3) == input.at(3, 0, 0, 2)); // from the previous one
    CHECK(output.at(4, 0, 0, 1) == input.at(4, 0, 0, 1));
}

TEST_CASE("upsampling repeats the nearest pixel at or before", "[reference]") {
    Tensor4 input(1, 3, 1, 1);
    input.data = {10, 20, 30};
    CHECK(upsample_nearest(input, 5, 1).data == std::vector<double>{10, 10, 20, 20, 30});
}

TEST_CASE("softmax is a distribution however large its inputs", "[reference]") {
    Tensor4 input(2, 1, 1, 1);
    input.data = {1000.0, 1000.0 + std::log(3.0)};
    const Tensor4 output = softmax(input);
    CHECK(output.data[0] == Approx(0.25).epsilon(1e-12));
    CHECK(output.data[1] == Approx(0.75).epsilon(1e-12));
}

TEST_CASE("a frame is selected where its second logit is the larger one", "[reference]") {
    Tensor4 logits(2, 1, 1, 3);
    logits.data = {0.0, 1.0, 2.0, 2.0, 3.0, 1.0};
    CHECK(select_frames(logits).mask == std::vector<double>{1, 0, 0});
    CHECK(select_frames(logits).margin == std::vector<double>{1, 0, -2});
    CHECK(select_frames(logits, {2.0, 0.0, 0.0, 1.0, 0.0, 0.0}).mask == std::vector<double>{0, 1, 0});
    CHECK(gumbel_noise({0.5f})[0] == Approx(-std::log(std::log(2.0))).epsilon(1e-9));
}

TEST_CASE("a work list holds the selected frames first, both parts ascending", "[reference]") {
    const WorkList list = work_list({0, 1, 1, 0, 1});
    CHECK(list.count == 3);
    CHECK(list.frames == std::vector<int>{1, 2, 4, 0, 3});
}

// Values from Pillow 11.3: Image.resize(size, BILINEAR) of the same 8-bit picture.
TEST_CASE("resizing equals Pillow", "[reference]") {
    Picture input{1, 7, 5, {}};
    for (int y = 0; y < 5; y++)
        for (int x = 0; x < 7; x++)
            input.data.push_back(static_cast<uint8_t>((37 * x * x + 91 * y + 13 * x * y) % 256));
    CHECK(resize_bilinear(input, 3, 2).data == std::vector<uint8_t>{103, 129, 137, 135, 155, 129});
    CHECK(resize_bilinear(input, 4, 9).data == std::vector<uint8_t>{23,  106, 95,  98,  52,  101, 125, 116, 99,
                                                                    93,  175, 145, 152, 111, 157, 158, 206, 137,
                                                                    122, 167, 125, 174, 173, 121, 70,  194, 200,
                                                                    89,  117, 146, 137, 112, 146, 117, 99,  125});
}

} // namespace afnet::reference
