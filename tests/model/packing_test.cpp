// Folding and packing, element by element.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include "model/packing.h"
#include "model/recipe.h"
#include "tests/reference/operators.h"

using namespace afnet;

namespace {

// Every element another whole number, so that each is recognised wherever it goes.
std::vector<float> numbered(int count) {
    std::vector<float> values(static_cast<size_t>(count));
    std::iota(values.begin(), values.end(), 1.0f);
    return values;
}

struct Shape {
    int co, ci_per_group, kernel, groups, block;
};

// The element of PyTorch's [co][ci][v][u] that belongs at [c, i, u, v, b, g], or 0 beyond the group's channels.
float weight_at(const std::vector<float> &weights, const Shape &s, int c, int i, int u, int v, int b, int g) {
    const int channels = s.co / s.groups, within = b * s.block + c;
    if (within >= channels) return 0;
    const int row = (g * channels + within) * s.ci_per_group + i;
    return weights[size_t((row * s.kernel + v) * s.kernel + u)];
}

void check_weights(const Shape &s) {
    INFO(s.co << "x" << s.ci_per_group << "x" << s.kernel << ", " << s.groups << " groups, blocks of " << s.block);
    const std::vector<float> weights = numbered(s.co * s.ci_per_group * s.kernel * s.kernel);
    const PackedConstant packed = pack_conv_weights(weights, s.co, s.ci_per_group, s.kernel, s.groups, s.block);
    const int blocks = (s.co / s.groups + s.block - 1) / s.block;
    REQUIRE(packed.extents == std::vector<int>{s.block, s.ci_per_group, s.kernel, s.kernel, blocks, s.groups});
    std::vector<float> expected;
    for (int g = 0; g < s.groups; g++)
        for (int b = 0; b < blocks; b++)
            for (int v = 0; v < s.kernel; v++)
                for (int u = 0; u < s.kernel; u++)
                    for (int i = 0; i < s.ci_per_group; i++)
                        for (int c = 0; c < s.block; c++)
                            expected.push_back(weight_at(weights, s, c, i, u, v, b, g));
    CHECK(packed.elements == expected);
}

} // namespace

TEST_CASE("convolution weights go to blocks of output channels, padded with zeroes", "[packing]") {
    for (const Shape &shape :
         {Shape{1, 1, 1, 1, 8}, Shape{32, 3, 3, 1, 32}, Shape{33, 2, 3, 1, 16}, Shape{24, 5, 1, 2, 8},
          Shape{20, 4, 5, 2, 16}, Shape{12, 2, 1, 4, 4}, Shape{7, 3, 2, 7, 4}}) {
        check_weights(shape);
    }
}

TEST_CASE("the weights of a pair of input channels lie side by side", "[packing]") {
    for (const Shape &s : {Shape{32, 4, 3, 1, 32}, Shape{33, 2, 3, 1, 16}, Shape{20, 6, 1, 2, 16}}) {
        INFO(s.co << "x" << s.ci_per_group << "x" << s.kernel);
        const std::vector<float> weights = numbered(s.co * s.ci_per_group * s.kernel * s.kernel);
        const PackedConstant packed =
            pack_conv_weight_pairs(weights, s.co, s.ci_per_group, s.kernel, s.groups, s.block);
        const int blocks = (s.co / s.groups + s.block - 1) / s.block;
        REQUIRE(packed.extents ==
                std::vector<int>{2 * s.block, s.ci_per_group / 2, s.kernel, s.kernel, blocks, s.groups});
        size_t at = 0, wrong = 0;
        for (int g = 0; g < s.groups; g++)
            for (int b = 0; b < blocks; b++)
                for (int v = 0; v < s.kernel; v++)
                    for (int u = 0; u < s.kernel; u++)
                        for (int i = 0; i < s.ci_per_group; i += 2)
                            for (int c = 0; c < s.block; c++)
                                for (int both : {0, 1})
                                    wrong += packed.elements[at++] != weight_at(weights, s, c, i + both, u, v, b, g);
        CHECK(at == packed.elements.size());
        CHECK(wrong == 0);
    }
}

TEST_CASE("the stem's weights are paired along a filter's row with bf16", "[packing]") {
    const int co = 20, block = 16, row = 21;
    const std::vector<float> weights = numbered(co * 3 * 49);
    KernelEntry entry;
    entry.spec = KernelSpec("stem").set("dtype", "bf16");
    entry.knobs = {{"algorithm", 1}, {"co_block", block}};
    const PackedConstant packed = pack_stem_weights(weights, co, entry);
    REQUIRE(packed.extents == std::vector<int>{2 * block, 11, 1, 7, 2, 1});
    size_t at = 0, wrong = 0;
    for (int b = 0; b < 2; b++)
        for (int v = 0; v < 7; v++)
            for (int k = 0; k < row; k += 2)
                for (int c = b * block; c < (b + 1) * block; c++)
                    for (int e : {k, k + 1}) {
                        const int u = e / 3, i = e % 3;
                        const bool there = c < co && e < row;
                        wrong += packed.elements[at++] != (there ? weights[size_t(((c * 3 + i) * 7 + v) * 7 + u)] : 0);
                    }
    CHECK(at == packed.elements.size());
    CHECK(wrong == 0);
    entry.spec = KernelSpec("stem");
    CHECK(pack_stem_weights(weights, co, entry).extents == std::vector<int>{block, 3, 7, 7, 2, 1});
}

TEST_CASE("a convolution's weights are paired where its kernel multiplies bfloat16 pairs", "[packing]") {
    const auto paired = [](const char *dtype, int ci, int groups, bool shift, int algorithm, bool f32_input,
                           int stride = 1) {
        KernelEntry entry;
        entry.spec = KernelSpec("conv2d").set("ci", ci).set("groups", groups).set("shift", shift);
        entry.spec.set("dtype", dtype).set("f32_input", f32_input).set("stride", stride);
        entry.knobs = {{"algorithm", algorithm}, {"co_block", 8}};
        const int k = 3, co = 8 * groups;
        const std::vector<float> weights(size_t(co * (ci / groups) * k * k), 1.0f);
        return pack_conv2d_weights(weights, co, ci / groups, k, groups, entry).extents[0] == 16;
    };
    CHECK(paired("bf16", 16, 1, false, 1, false));
    CHECK(paired("bf16", 20, 2, false, 1, false));
    CHECK(paired("bf16", 32, 2, true, 1, false));
    CHECK_FALSE(paired("bf16", 14, 2, false, 1, false)); // 7 channels in a group
    CHECK_FALSE(paired("bf16", 24, 1, true, 1, false));  // 3 channels come from the next frame
    CHECK(paired("bf16", 16, 1, false, 2, false));
    CHECK_FALSE(paired("bf16", 16, 1, false, 2, false, 2)); // Winograd's other tiles multiply floats
    CHECK_FALSE(paired("bf16", 16, 1, false, 4, false));
    CHECK_FALSE(paired("bf16", 4, 1, false, 1, true));   // so does what reads the clip
    CHECK_FALSE(paired("f32", 16, 1, false, 1, false));
}

TEST_CASE("biases go to blocks as their channels do", "[packing]") {
    const PackedConstant packed = pack_conv_bias(numbered(6), 6, 2, 2);
    CHECK(packed.extents == std::vector<int>{2, 2, 2});
    CHECK(packed.elements == std::vector<float>{1, 2, 3, 0, 4, 5, 6, 0});
}

TEST_CASE("depthwise weights have channels innermost", "[packing]") {
    const PackedConstant packed = pack_depthwise_weights(numbered(2 * 9), 2, 3);
    CHECK(packed.extents == std::vector<int>{2, 3, 3});
    std::vector<float> expected;
    for (int tap = 0; tap < 9; tap++)
        expected.insert(expected.end(), {float(1 + tap), float(10 + tap)});
    CHECK(packed.elements == expected);
}

TEST_CASE("blocked depthwise weights lie in the blocks of each group", "[packing]") {
    // Two groups of three channels in blocks of two: a block's second half is zero.
    const PackedConstant packed = pack_blocked_depthwise_weights(numbered(6 * 9), 6, 3, 2, 2);
    CHECK(packed.extents == std::vector<int>{2, 3, 3, 2, 2});
    std::vector<float> expected;
    for (const std::pair<int, int> &channels : {std::pair(0, 1), {2, -1}, {3, 4}, {5, -1}}) {
        for (int tap = 0; tap < 9; tap++) {
            for (int c : {channels.first, channels.second})
                expected.push_back(c < 0 ? 0.0f : float(9 * c + tap + 1));
        }
    }
    CHECK(packed.elements == expected);
}

TEST_CASE("an expansion's weights are paired where its kernel multiplies bfloat16 pairs", "[packing]") {
    const auto extents = [](const char *dtype, int ci, int groups, bool shift) {
        KernelEntry entry;
        entry.spec = KernelSpec("expand_depthwise").set("ci", ci).set("groups", groups).set("shift", shift);
        entry.spec.set("dtype", dtype);
        entry.knobs = {{"co_block", 8}};
        const std::vector<float> weights(size_t(8 * ci), 1.0f);
        return pack_expansion_weights(weights, 8 * groups, ci / groups, groups, entry).extents;
    };
    CHECK(extents("bf16", 16, 1, true) == std::vector<int>{16, 8, 1, 1, 1, 1});
    CHECK(extents("bf16", 24, 1, true) == std::vector<int>{8, 24, 1, 1, 1, 1}); // 3 channels come from the next frame
    CHECK(extents("f32", 16, 2, true) == std::vector<int>{8, 8, 1, 1, 1, 2});
}

TEST_CASE("linear weights and biases lie in blocks of outputs", "[packing]") {
    const PackedConstant packed = pack_linear_weights({1, 2, 3, 4, 5, 6}, 3, 2, 2);
    CHECK(packed.extents == std::vector<int>{2, 2, 2});
    CHECK(packed.elements == std::vector<float>{1, 3, 2, 4, 5, 0, 6, 0});
    const PackedConstant bias = pack_linear_bias({1, 2, 3}, 2);
    CHECK(bias.extents == std::vector<int>{2, 2});
    CHECK(bias.elements == std::vector<float>{1, 2, 3, 0});
}

TEST_CASE("folding asks for a layer's five parameters by their shapes", "[packing]") {
    std::vector<std::string> asked;
    const Weights weights = [&](const ParameterInfo &info) {
        std::string text = info.key;
        for (int64_t extent : info.shape)
            text += " " + std::to_string(extent);
        asked.push_back(text);
        return recipe_parameter(info.key, info.shape, 1);
    };
    folded_weights(weights, "a.conv1", "a.bn1", 6, 4, 3);
    folded_bias(weights, "a.bn1", 6);
    std::sort(asked.begin(), asked.end());
    asked.erase(std::unique(asked.begin(), asked.end()), asked.end());
    CHECK(asked == std::vector<std::string>{"a.bn1.bias 6", "a.bn1.running_mean 6", "a.bn1.running_var 6",
                                            "a.bn1.weight 6", "a.conv1.weight 6 4 3 3"});
}

TEST_CASE("folding is the reference's affine map, rounded once", "[packing]") {
    const Weights weights = recipe_weights(4);
    const int co = 6;
    const size_t per_channel = 4 * 9;
    const std::vector<float> folded = folded_weights(weights, "conv", "bn", co, 4, 3);
    const std::vector<float> bias = folded_bias(weights, "bn", co);
    const std::vector<float> raw = weights({"conv.weight", {co, 4, 3, 3}});
    const auto norm = [&](const char *name) { return weights({std::string("bn") + name, {co}}); };
    const reference::ChannelAffine affine =
        reference::fold({norm(".weight"), norm(".bias"), norm(".running_mean"), norm(".running_var")});
    const double rounding = std::ldexp(1.0, -24) * (1 + 1e-6);
    for (size_t c = 0; c < size_t(co); c++) {
        CHECK(std::abs(double(bias[c]) - affine.offset[c]) <= rounding * std::abs(affine.offset[c]));
        for (size_t i = 0; i < per_channel; i++) {
            const double exact = affine.scale[c] * raw[c * per_channel + i];
            CHECK(std::abs(double(folded[c * per_channel + i]) - exact) <= rounding * std::abs(exact));
        }
    }
}
