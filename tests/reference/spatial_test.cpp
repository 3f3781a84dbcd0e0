// The definition of spatial masks: hand-made patches, and what follows from the definition without convolving.
#include <catch2/catch.hpp>

#include "model/recipe.h"
#include "tests/frame_memory.h"
#include "tests/reference/resnet.h"

using namespace afnet;
using reference::SpatialMask;

namespace {

constexpr int kFrames = 2, kChannels = 8, kSide = 5;

Tensor4 block(const Tensor4 &stream, const SpatialMask *pixels, const std::vector<double> *frames,
              reference::Unselected unselected) {
    reference::NetworkConfig config;
    config.frames = kFrames;
    config.unselected = unselected;
    std::vector<float> kept;
    const reference::ParameterLookup parameter = [&](const std::string &key,
                                                     const std::vector<int64_t> &shape) -> const std::vector<float> & {
        return kept = recipe_parameter(key, shape, 3);
    };
    reference::Execution run(config, parameter);
    return reference::bottleneck(run, "block", stream, stream, {4, kChannels, 1, 2, true, frames, pixels});
}

SpatialMask patches(int value) {
    return {2, 2, kFrames, std::vector<int>(size_t(4 * kFrames), value)};
}

// conv3's folded bias.
std::vector<double> answer_to_zeroes() {
    reference::BatchNorm norm;
    norm.gamma = recipe_parameter("block.bn3.weight", {kChannels}, 3);
    norm.beta = recipe_parameter("block.bn3.bias", {kChannels}, 3);
    norm.mean = recipe_parameter("block.bn3.running_mean", {kChannels}, 3);
    norm.variance = recipe_parameter("block.bn3.running_var", {kChannels}, 3);
    return reference::fold(norm).offset;
}

} // namespace

TEST_CASE("reference: a grid that does not divide a frame has patches of two sizes", "[spatial_block]") {
    const SpatialMask mask{2, 1, 1, {1, 0}};
    for (int x = 0; x < 5; x++)
        CHECK(mask.selects(x, 3, 0, 5, 4) == (x < 3));
}

TEST_CASE("reference: without a selected pixel a block adds one vector, or nothing", "[spatial_block]") {
    const Tensor4 stream = random_frames(kChannels, kSide, kSide, kFrames, "stream");
    const SpatialMask none = patches(0);
    Tensor4 expected = stream;
    const std::vector<double> offset = answer_to_zeroes();
    for (size_t i = 0; i < expected.data.size(); i++)
        expected.data[i] += offset[i % size_t(kChannels)];
    const Tensor4 masked = block(stream, &none, nullptr, reference::Unselected::Masked);
    expected = reference::relu(expected);
    for (size_t i = 0; i < expected.data.size(); i++)
        CHECK(masked.data[i] == Approx(expected.data[i]).margin(1e-12));
    CHECK(block(stream, &none, nullptr, reference::Unselected::Skipped).data == reference::relu(stream).data);
}

TEST_CASE("reference: masks of all pixels, and of frames that are dropped, change nothing", "[spatial_block]") {
    const Tensor4 stream = random_frames(kChannels, kSide, kSide, kFrames, "stream");
    const SpatialMask all = patches(1), none = patches(0);
    const std::vector<double> dropped(kFrames, 0.0);
    for (const auto unselected : {reference::Unselected::Masked, reference::Unselected::Skipped}) {
        CHECK(block(stream, &all, nullptr, unselected).data == block(stream, nullptr, nullptr, unselected).data);
        CHECK(block(stream, &none, &dropped, unselected).data == block(stream, nullptr, &dropped, unselected).data);
    }
}
