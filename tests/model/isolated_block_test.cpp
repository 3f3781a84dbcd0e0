// One focal block by itself: bit by bit what it is within its network, and equal to its definition on maps of any size.
#include <catch2/catch.hpp>
#include <cmath>
#include <sys/mman.h>
#include <unistd.h>

#include "model/isolated_block.h"
#include "runtime/error.h"
#include "tests/frame_memory.h"
#include "tests/kernel_targets.h"
#include "tests/model/network_run.h"
#include "tests/reference/af_resnet.h"
#include "tests/reference/golden_case.h"

using namespace afnet;
using Catch::Contains;
using reference::Tensor4;

namespace {

constexpr uint64_t kSeed = 11;
constexpr double kTolerance = 2e-5; // of the largest magnitude: tests/golden/README.md

LoadedModel with_recipe(const ModelDescription &description) {
    LoadedModel model;
    model.description = description;
    model.weights = recipe_weights(kSeed);
    return model;
}

struct Maps {
    Tensor4 input, output;
};

// What each focal block of a network reads and leaves, by its name. The first of a module reads what the module does.
std::map<std::string, Maps> maps_of_blocks(Network &network) {
    std::map<std::string, Maps> maps;
    Tensor4 module, stream;
    network.run([&](const StepReport &report) {
        for (const Tap &tap : network.lowered().plan.taps) {
            const TensorInfo &info = network.lowered().plan.tensors[size_t(tap.tensor)];
            if (tap.step != report.index || info.extents.size() != 4) continue;
            Tensor4 map = read_frames(info, network.executor().memory(tap.tensor).data);
            if (tap.name.find("refine") != std::string::npos) {
                maps[tap.name] = {stream.data.empty() ? module : stream, map};
                stream = std::move(map);
            } else if (tap.name.find("base") == std::string::npos) {
                module = std::move(map);
                stream = {};
            }
        }
    });
    return maps;
}

std::vector<float> floats(const Tensor4 &map) {
    return {map.data.begin(), map.data.end()};
}

std::vector<unsigned char> bytes(const std::vector<int> &mask) {
    return {mask.begin(), mask.end()};
}

std::vector<float> run(IsolatedBlock &block, const Tensor4 &input, int clips, const std::vector<unsigned char> &mask) {
    std::vector<float> output(size_t(block.out_channels()) * size_t(input.x) * size_t(input.y) * size_t(input.f));
    const std::vector<float> given = floats(input);
    block.run({input.x, input.y, input.f / clips, clips}, given.data(), mask.data(), output.data());
    CHECK(given == floats(input));
    return output;
}

void check_network(NetworkRun run_of, Unselected unselected) {
    run_of.shape.taps = true;
    run_of.shape.unselected = unselected;
    for (const Masks masks : {Masks::None, Masks::All, Masks::Random}) {
        run_of.masks = masks;
        for (const Target &target : targets_for(run_of)) {
            const auto network = open_network(run_of, target);
            const auto maps = maps_of_blocks(*network);
            const std::vector<std::string> blocks = focal_blocks(run_of.description);
            CHECK(blocks.size() == run_of.blocks());
            KernelStore kernels(run_of.description.name.rfind("small", 0) == 0 ? AFNET_TEST_KERNELS : AFNET_KERNEL_DIR,
                                target);
            for (size_t k = 0; k < blocks.size(); k++) {
                INFO(run_of.text() << " on " << target.name << ": " << blocks[k]);
                REQUIRE(maps.count(blocks[k]) == 1);
                const Maps &expected = maps.at(blocks[k]);
                IsolatedBlock block(with_recipe(run_of.description), blocks[k], unselected, kernels);
                REQUIRE(block.in_channels() == expected.input.c);
                REQUIRE(block.out_channels() == expected.output.c);
                CHECK(run(block, expected.input, run_of.shape.clips, bytes(run_of.forced()[k])) ==
                      floats(expected.output));
            }
        }
    }
}

NetworkRun clips_of(const ModelDescription &description, int frames, int clips, int width, int height) {
    NetworkRun run;
    run.description = description;
    run.seed = kSeed;
    run.shape.frames = frames;
    run.shape.clips = clips;
    run.shape.width = width;
    run.shape.height = height;
    return run;
}

double relative_difference(const std::vector<float> &actual, const Tensor4 &expected) {
    if (actual.size() != expected.data.size()) return INFINITY;
    double difference = 0, magnitude = 0;
    for (size_t i = 0; i < actual.size(); i++) {
        if (!std::isfinite(actual[i])) return INFINITY;
        difference = std::max(difference, std::abs(actual[i] - expected.data[i]));
        magnitude = std::max(magnitude, std::abs(expected.data[i]));
    }
    return difference / magnitude;
}

struct Case {
    int width, height, frames, clips;
    std::vector<double> mask;
};

// Blocks 0 and 1 of the third module: one with a projection, and the last one, which ends linearly.
void check_definition(bool shift, const Case &c, Unselected unselected, const Target &target) {
    const ModelDescription description = small_af_resnet(shift);
    reference::NetworkConfig config;
    config.shift = shift;
    config.frames = c.frames;
    config.batch = c.clips;
    config.unselected =
        unselected == Unselected::Skipped ? reference::Unselected::Skipped : reference::Unselected::Masked;
    const reference::ParameterLookup parameters = reference::recipe_lookup(kSeed, 1);
    for (const int index : {0, 1}) {
        const std::string name = "layer3.refine_module." + std::to_string(index);
        INFO(name << (shift ? " with TSM" : "") << " on " << target.name << ", " << c.width << "x" << c.height << ", "
                  << c.clips << " clips of " << c.frames << ", " << unselected_name(unselected));
        IsolatedBlock block(with_recipe(description), name, unselected, test_kernel_store(target));
        const Tensor4 input = random_frames(block.in_channels(), c.width, c.height, c.frames * c.clips, name);
        reference::Execution execution(config, parameters);
        const Tensor4 expected =
            reference::focal_block(execution, name, input, block.out_channels(), c.mask, index == 0);
        const std::vector<unsigned char> mask(c.mask.begin(), c.mask.end());
        CHECK(relative_difference(run(block, input, c.clips, mask), expected) <= kTolerance);
    }
}

// Memory whose last byte is followed by a page that nobody may touch, and that begins at no round address.
class GuardedFloats {
public:
    explicit GuardedFloats(size_t count) {
        const size_t page = size_t(::sysconf(_SC_PAGESIZE)), bytes = count * sizeof(float);
        mapped_ = (bytes + page - 1) / page * page + page;
        memory_ = static_cast<unsigned char *>(
            ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        REQUIRE(memory_ != MAP_FAILED);
        REQUIRE(::mprotect(memory_ + mapped_ - page, page, PROT_NONE) == 0);
        data = reinterpret_cast<float *>(memory_ + mapped_ - page - bytes);
    }
    ~GuardedFloats() { ::munmap(memory_, mapped_); }
    GuardedFloats(const GuardedFloats &) = delete;
    GuardedFloats &operator=(const GuardedFloats &) = delete;
    float *data;

private:
    unsigned char *memory_;
    size_t mapped_;
};

} // namespace

TEST_CASE("a focal block by itself is bit by bit the block within its network", "[isolated_block]") {
    for (const bool shift : {false, true}) {
        for (const Unselected unselected : {Unselected::Masked, Unselected::Skipped}) {
            check_network(clips_of(small_af_resnet(shift), 3, 2, 48, 40), unselected);
            check_network(clips_of(small_af_resnet(shift), 1, 1, 33, 47), unselected);
        }
    }
}

TEST_CASE("so are those of basic blocks, and of AF-MobileNetV3", "[isolated_block_shipped]") {
    for (const char *name : {"af_resnet34", "af_resnet34_tsm", "af_mobilenetv3_tsm"}) {
        for (const Unselected unselected : {Unselected::Masked, Unselected::Skipped})
            check_network(clips_of(shipped_model(name), 3, 1, 48, 40), unselected);
    }
}

TEST_CASE("a focal block by itself equals its definition on maps of any size", "[isolated_block]") {
    const std::vector<Case> cases = {{1, 1, 1, 1, {1}},          {1, 1, 1, 1, {0}},     {7, 5, 3, 1, {0, 1, 0}},
                                     {2, 9, 2, 2, {1, 0, 0, 1}}, {13, 1, 2, 1, {1, 1}}, {17, 3, 4, 1, {0, 0, 0, 0}},
                                     {1, 30, 1, 3, {1, 0, 1}},   {31, 6, 2, 1, {0, 1}}};
    for (const Target &target : runnable_targets()) {
        for (const Case &c : cases) {
            for (const bool shift : {false, true}) {
                for (const Unselected unselected : {Unselected::Masked, Unselected::Skipped})
                    check_definition(shift, c, unselected, target);
            }
        }
    }
}

TEST_CASE("a block touches the caller's memory and none behind it, wherever it begins", "[isolated_block]") {
    for (const Target &target : runnable_targets()) {
        for (const bool shift : {false, true}) {
            for (const char *name : {"layer1.refine_module.0", "layer3.refine_module.1"}) {
                INFO(name << " on " << target.name << (shift ? " with TSM" : ""));
                IsolatedBlock block(with_recipe(small_af_resnet(shift)), name, Unselected::Masked,
                                    test_kernel_store(target));
                const Tensor4 map = random_frames(block.in_channels(), 7, 5, 3, name);
                const std::vector<unsigned char> mask = {1, 0, 1};
                const std::vector<float> expected = run(block, map, 1, mask), given = floats(map);
                const GuardedFloats input(given.size()), output(expected.size());
                std::copy(given.begin(), given.end(), input.data);
                block.run({7, 5, 3, 1}, input.data, mask.data(), output.data);
                CHECK(std::equal(expected.begin(), expected.end(), output.data));
                std::vector<float> odd(expected.size() + 2, NAN);
                block.run({7, 5, 3, 1}, input.data, mask.data(), odd.data() + 1);
                CHECK(std::equal(expected.begin(), expected.end(), odd.begin() + 1));
                CHECK(std::isnan(odd.front()));
                CHECK(std::isnan(odd.back()));
            }
        }
    }
}

TEST_CASE("a block without a projection runs in place; one with it says that it cannot", "[isolated_block]") {
    KernelStore &kernels = test_kernel_store(runnable_targets().back());
    for (const bool shift : {false, true}) {
        IsolatedBlock last(with_recipe(small_af_resnet(shift)), "layer3.refine_module.1", Unselected::Masked, kernels);
        const Tensor4 map = random_frames(last.in_channels(), 6, 4, 2, "in place");
        const std::vector<unsigned char> mask = {0, 1};
        const std::vector<float> expected = run(last, map, 1, mask);
        std::vector<float> both = floats(map);
        last.run({6, 4, 2, 1}, both.data(), mask.data(), both.data());
        CHECK(both == expected);
        both.resize(both.size() + 1);
        CHECK_THROWS_WITH(last.run({6, 4, 2, 1}, both.data(), mask.data(), both.data() + 1), Contains("overlaps"));

        IsolatedBlock first(with_recipe(small_af_resnet(shift)), "layer1.refine_module.0", Unselected::Masked, kernels);
        std::vector<float> memory(size_t(6 * 4 * 2 * first.out_channels()));
        CHECK_THROWS_WITH(first.run({6, 4, 2, 1}, memory.data(), mask.data(), memory.data()), Contains("overlaps"));
    }
}

TEST_CASE("more shapes than a block keeps give the same again", "[isolated_block]") {
    IsolatedBlock block(with_recipe(small_af_resnet(true)), "layer2.refine_module.0", Unselected::Masked,
                        test_kernel_store(runnable_targets().back()));
    std::vector<std::vector<float>> first;
    for (int round = 0; round < 2; round++) {
        for (int width = 1; width <= int(IsolatedBlock::kKept) + 2; width++) {
            const Tensor4 map = random_frames(block.in_channels(), width, 3, 2, "kept");
            const std::vector<float> output = run(block, map, 1, {1, 0});
            if (round == 0) first.push_back(output);
            CHECK(output == first[size_t(width - 1)]);
        }
    }
}

TEST_CASE("a block that is not there, or has masks in space, is refused", "[isolated_block]") {
    KernelStore &kernels = test_kernel_store(runnable_targets().back());
    const auto open = [&](const ModelDescription &description, const std::string &name) {
        IsolatedBlock(with_recipe(description), name, Unselected::Masked, kernels);
    };
    CHECK_THROWS_WITH(open(small_af_resnet(false), "layer1.base_module.0"),
                      Contains("no focal block") && Contains("layer1.refine_module.0"));
    CHECK_THROWS_WITH(open(shipped_model("resnet50"), "layer1.0"), Contains("it has none"));
    ModelDescription spatial = small_af_resnet(false);
    spatial.masks = MaskKind::Both;
    CHECK_THROWS_WITH(open(spatial, "layer1.refine_module.0"), Contains("masks in space"));
    IsolatedBlock block(with_recipe(small_af_resnet(false)), "layer1.refine_module.0", Unselected::Masked, kernels);
    std::vector<float> memory(1 << 16);
    const auto run_on = [&](BlockShape shape) { block.run(shape, memory.data(), nullptr, &memory[1 << 15]); };
    CHECK_THROWS_WITH(run_on({0, 4, 1, 1}), Contains("width of 0"));
    CHECK_THROWS_WITH(run_on({4, 4097, 1, 1}), Contains("height of 4097"));
    CHECK_THROWS_WITH(run_on({4, 4, 257, 1}), Contains("257"));
    CHECK_THROWS_WITH(run_on({4, 4, 1, -1}), Contains("clips of -1"));
    CHECK_THROWS_WITH(block.run({4096, 4096, 256, 4}, memory.data(), nullptr, memory.data() + (size_t(1) << 40)),
                      Contains("2^31") || Contains("GiB"));
}
