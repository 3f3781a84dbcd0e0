// A focal block at listed points, from masks to the stream, against its definition: dense convolutions with masks on
// the inputs of all three (tests/reference/resnet.h).
#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>

#include "model/recipe.h"
#include "tests/generators/layer.h"
#include "tests/generators/listed_plan.h"
#include "tests/generators/tile_lists.h"
#include "tests/kernel_call.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"
#include "tests/reference/resnet.h"

using namespace afnet;

namespace {

constexpr int kFrames = 3, kChannels = 16, kMiddle = 8, kGroups = 2;
constexpr uint64_t kSeed = 7;

struct BlockCase {
    int width, height;
    reference::SpatialMask pixels;
    std::vector<int> frames;
    reference::Unselected unselected;
    bool last_relu;
};

Tensor4 defined(const BlockCase &block, const Tensor4 &stream) {
    reference::NetworkConfig config;
    config.frames = kFrames;
    config.shift = true;
    config.unselected = block.unselected;
    std::vector<float> kept;
    const reference::ParameterLookup parameter = [&](const std::string &key,
                                                     const std::vector<int64_t> &shape) -> const std::vector<float> & {
        return kept = recipe_parameter(key, shape, kSeed);
    };
    reference::Execution run(config, parameter);
    const std::vector<double> mask(block.frames.begin(), block.frames.end());
    return reference::bottleneck(run, "block", stream, stream,
                                 {kMiddle, kChannels, 1, kGroups, block.last_relu, &mask, &block.pixels});
}

// The same by kernels. Frames that the temporal mask drops stay as they are: another kernel fills them.
class BlockKernels {
public:
    BlockKernels(const Target &target, const BlockCase &block)
        : target_(target), block_(block), weights_(recipe_weights(kSeed)), sources_(source_list(block.frames, kFrames)),
          slots_(block.width + 2, block.height + 2, kFrames), points_(5, block.width * block.height * kFrames),
          cells_(5, block.width * block.height * kFrames) {
        slots_.fill(0);
    }

    /// The 3x3 convolution in tiles of `side`, or point by point.
    Tensor4 run(const Tensor4 &stream, int side) {
        const auto [selected, all] = make_list(
            1, points_, slots_.cropped(0, 1, block_.width).cropped(1, 1, block_.height).translated({-1, -1, 0}));
        IntBuffer cell_slots(block_.width, block_.height, kFrames);
        const int cells = side == 1 ? selected : make_list(side, cells_, cell_slots).first;
        FrameMemory state(stream, 0, true), reduced(Tensor4(kMiddle, 1, 1, all + 1), 0, true), filtered = reduced;
        if (selected > 0) {
            const char *last = block_.last_relu ? "relu" : "linear";
            const KernelSpec reduce = conv2d_points_spec(kChannels, kMiddle, kGroups, "relu", true, false);
            convolve(reduce, "1", state, reduced, points_, selected);
            convolve(conv2d_neighbours_spec(kMiddle, kMiddle, kGroups, side), "2", reduced, filtered,
                     side == 1 ? points_ : cells_, cells);
            convolve(conv2d_points_spec(kMiddle, kChannels, kGroups, last, false, true), "3", filtered, state, points_,
                     selected);
        }
        if (block_.unselected == reference::Unselected::Masked) fill(state);
        return state.values();
    }

private:
    const Kernel &kernel(const KernelSpec &spec) { return test_kernel_store(target_).kernel(spec, kSpatialLibrary); }

    std::pair<int, int> make_list(int side, IntBuffer list, IntBuffer slots) {
        const reference::SpatialMask &mask = block_.pixels;
        IntBuffer count(2);
        const int across = (block_.width + side - 1) / side, down = (block_.height + side - 1) / side;
        KernelCall(kernel(KernelSpec("tile_list").set("side", side)))
            .bind("mask", integers(mask.patches, {mask.columns, mask.rows, mask.frames}))
            .bind("sources", integers(sources_, {3, kFrames}))
            .bind("frame_count", integers({int(selected_frames(block_.frames).size())}, {1}))
            .set("width", block_.width)
            .set("height", block_.height)
            .bind("list", list)
            .bind("slots", slots.cropped(0, 0, across).cropped(1, 0, down))
            .bind("count", count)
            .run();
        return {count(0), count(1)};
    }

    void convolve(const KernelSpec &spec, const std::string &index, FrameMemory &input, FrameMemory &output,
                  IntBuffer list, int count) {
        const int ci = spec_number(spec, "ci"), co = spec_number(spec, "co"), k = spec_number(spec, "kernel");
        const Kernel &called = kernel(spec);
        const int block = called.entry->knobs.at("co_block");
        const std::string norm = "block.bn" + index;
        const std::vector<float> folded = folded_weights(weights_, "block.conv" + index, norm, co, ci / kGroups, k);
        const bool in_tiles = spec.generator == "conv2d_tiles";
        KernelCall call(called);
        call.bind("input", input.view(kGroups))
            .bind("weights", packed_buffer(in_tiles ? pack_winograd_weights(folded, co, ci / kGroups, kGroups, block,
                                                                            spec_number(spec, "side"))
                                                    : pack_conv_weights(folded, co, ci / kGroups, k, kGroups, block)))
            .bind("bias", packed_buffer(pack_conv_bias(folded_bias(weights_, norm, co), co, kGroups, block)))
            .bind("list", list.cropped(1, 0, count))
            .bind("slots", slots_.translated({-1, -1, 0}))
            .bind("output", output.view(kGroups));
        if (!in_tiles) call.bind("residual", output.view(kGroups));
        call.run();
    }

    // What the rejected pixels of listed frames are owed, paid at once.
    void fill(FrameMemory &state) {
        const reference::SpatialMask &mask = block_.pixels;
        IntBuffer nothing(mask.columns, mask.rows, 3, kFrames), owed(mask.columns, mask.rows, 3, kFrames);
        nothing.fill(0);
        KernelCall(kernel(KernelSpec("owe_patches").set("shift", true)))
            .bind("before", nothing)
            .bind("patches", integers(mask.patches, {mask.columns, mask.rows, kFrames}))
            .bind("frames", integers(block_.frames, {kFrames}))
            .bind("whole", integers({0}, {1}))
            .bind("output", owed)
            .set("response", 1)
            .set("frames_per_clip", kFrames)
            .run();
        const std::vector<float> bias = folded_bias(weights_, "block.bn3", kChannels);
        FloatBuffer responses(kChannels / 8, 8, 2, 2);
        for (int c = 0; c < kChannels; c++) {
            responses(c % (kChannels / 8), c / (kChannels / 8), 0, 1) = bias[size_t(c)];
            responses(c % (kChannels / 8), c / (kChannels / 8), 1, 1) =
                block_.last_relu ? 0.0f : std::numeric_limits<float>::lowest();
        }
        KernelCall(kernel(KernelSpec("settle_patches").set("shift", true).set("all", true)))
            .bind("state", state.view(8).cropped(4, 0, kFrames))
            .bind("owed", owed)
            .bind("responses", responses)
            .bind("output", state.view(8).cropped(4, 0, kFrames))
            .run();
    }

    const Target &target_;
    const BlockCase &block_;
    Weights weights_;
    std::vector<int> sources_;
    IntBuffer slots_, points_, cells_;
};

void check(const BlockCase &block) {
    const Tensor4 stream = reference::relu(random_frames(kChannels, block.width, block.height, kFrames, "stream"));
    const std::vector<int> listed = selected_frames(block.frames);
    std::vector<int> others;
    for (int f = 0; f < kFrames; f++) {
        if (block.frames[size_t(f)] == 0) others.push_back(f);
    }
    const Tensor4 expected = defined(block, stream);
    double largest = 0;
    for (double v : expected.data)
        largest = std::max(largest, std::abs(v));
    for (const Target &target : runnable_targets()) {
        for (const int side : {1, 2, 4}) {
            INFO(block.width << "x" << block.height << ", tiles of " << side << ", " << listed.size() << " frames on "
                             << target.name);
            const Tensor4 actual = BlockKernels(target, block).run(stream, side);
            double error = 0;
            const Tensor4 seen = listed_frames(actual, listed), wanted = listed_frames(expected, listed);
            for (size_t i = 0; i < seen.data.size(); i++)
                error = std::max(error, std::abs(seen.data[i] - wanted.data[i]));
            CHECK(error <= 2e-6 * largest); // three layers' roundings of 2^-24 each, some hundred terms
            CHECK(listed_frames(actual, others).data == listed_frames(stream, others).data);
        }
    }
}

} // namespace

TEST_CASE("a focal block at listed points equals the dense one with masks", "[spatial_block]") {
    for (const auto unselected : {reference::Unselected::Masked, reference::Unselected::Skipped}) {
        for (const bool last_relu : {true, false}) {
            for (const auto &[width, height, patches] :
                 {std::tuple{14, 14, 7}, std::tuple{16, 8, 2}, std::tuple{9, 5, 4}, std::tuple{1, 1, 1}}) {
                for (const reference::SpatialMask &pixels : awkward_spatial_masks(patches, patches, kFrames)) {
                    for (const auto &frames : std::vector<std::vector<int>>{{1, 1, 1}, {0, 1, 0}, {1, 0, 1}, {0, 0, 0}})
                        check({width, height, pixels, frames, unselected, last_relu});
                }
            }
        }
    }
}
