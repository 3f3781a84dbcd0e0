// The C interface: what it refuses, and that it is the same block. (model/isolated_block_test.cpp has the numbers.)
#include <catch2/catch.hpp>
#include <thread>

#include "model/interface/focal_block.h"
#include "model/isolated_block.h"
#include "runtime/error.h"
#include "runtime/halide_host.h"
#include "tests/frame_memory.h"
#include "tests/kernel_targets.h"

using namespace afnet;
using Catch::Contains;

namespace {

const std::string kModel = std::string(AFNET_FIXTURES) + "/models/small_af_resnet.json";

afnet_focal_block_choice choice(const char *block = "layer2.refine_module.0") {
    return {kModel.c_str(), block, nullptr, nullptr, AFNET_TEST_KERNELS};
}

struct Opened {
    afnet_focal_block *block = nullptr;
    explicit Opened(const afnet_focal_block_choice &what) {
        INFO(afnet_error());
        REQUIRE(afnet_focal_block_open(&what, &block) == 0);
    }
    ~Opened() { afnet_focal_block_close(block); }
};

std::string refusal(const afnet_focal_block_choice &what) {
    afnet_focal_block *block = nullptr;
    CHECK(afnet_focal_block_open(&what, &block) != 0);
    CHECK(block == nullptr);
    return afnet_error();
}

} // namespace

TEST_CASE("the C interface runs the block that it opened", "[interface]") {
    CHECK(afnet_focal_block_version() == AFNET_FOCAL_BLOCK_VERSION);
    const Opened opened(choice());
    int in = 0, out = 0;
    afnet_focal_block_channels(opened.block, &in, &out);
    KernelStore kernels(AFNET_TEST_KERNELS);
    IsolatedBlock same(load_model(kModel), "layer2.refine_module.0", Unselected::Masked, kernels);
    CHECK(in == same.in_channels());
    CHECK(out == same.out_channels());
    const Tensor4 map = random_frames(in, 7, 5, 4, "interface");
    const std::vector<float> input(map.data.begin(), map.data.end());
    std::vector<float> actual(size_t(out) * 7 * 5 * 4), expected = actual;
    const afnet_focal_block_shape shape = {7, 5, 2, 2};
    for (const std::vector<uint8_t> &mask : {std::vector<uint8_t>{1, 0, 0, 255}, {0, 0, 0, 0}, {}}) {
        const uint8_t *selected = mask.empty() ? nullptr : mask.data();
        REQUIRE(afnet_focal_block_run(opened.block, &shape, input.data(), selected, actual.data()) == 0);
        same.run({7, 5, 2, 2}, input.data(), selected, expected.data());
        CHECK(actual == expected);
    }
    afnet_focal_block_choice skipping = choice();
    skipping.unselected = "skipped";
    const Opened skips(skipping);
    const uint8_t none[4] = {};
    REQUIRE(afnet_focal_block_run(opened.block, &shape, input.data(), none, expected.data()) == 0);
    REQUIRE(afnet_focal_block_run(skips.block, &shape, input.data(), none, actual.data()) == 0);
    CHECK(actual != expected);
}

TEST_CASE("blocks run on several threads at a time, and each thread has errors of its own", "[interface]") {
    const Opened opened(choice());
    const afnet_focal_block_shape shape = {3, 3, 2, 1}, wrong = {3, 3, 0, 1};
    int in = 0, out = 0;
    afnet_focal_block_channels(opened.block, &in, &out);
    const std::vector<float> input(size_t(in) * 18, 1.0f);
    std::vector<float> expected(size_t(out) * 18);
    REQUIRE(afnet_focal_block_run(opened.block, &shape, input.data(), nullptr, expected.data()) == 0);
    CHECK(afnet_focal_block_run(opened.block, &wrong, input.data(), nullptr, expected.data()) != 0);
    const std::string words = afnet_error();
    CHECK_THAT(words, Contains("frames of 0"));
    std::vector<std::thread> threads;
    std::vector<int> right(4, 0);
    for (int &result : right) {
        threads.emplace_back([&] {
            std::vector<float> output(expected.size());
            for (int i = 0; i < 20; i++) {
                const bool ran = afnet_focal_block_run(opened.block, &shape, input.data(), nullptr, output.data()) == 0;
                result += ran && output == expected && *afnet_error() == 0;
            }
        });
    }
    for (std::thread &thread : threads)
        thread.join();
    CHECK(right == std::vector<int>(4, 20));
    CHECK(afnet_error() == words);
}

TEST_CASE("the C interface says what is wrong with a choice", "[interface]") {
    afnet_focal_block_choice what = choice("layer9.refine_module.0");
    CHECK_THAT(refusal(what), Contains("no focal block 'layer9.refine_module.0'") ||
                                  Contains("no focal block layer9.refine_module.0"));
    what = choice(nullptr);
    CHECK_THAT(refusal(what), Contains("the block's name is NULL"));
    what = choice();
    what.model = nullptr;
    CHECK_THAT(refusal(what), Contains("the model is NULL"));
    what.model = "/nowhere/weights.safetensors";
    CHECK_THAT(refusal(what), Contains("/nowhere/weights.safetensors: no such file"));
    what = choice();
    what.unselected = "sometimes";
    CHECK_THAT(refusal(what), Contains("sometimes") && Contains("masked") && Contains("skipped"));
    what = choice();
    what.device = "tpu";
    CHECK_THAT(refusal(what), Contains("tpu"));
    what.device = "opencl";
    CHECK_THAT(refusal(what), Contains("cpu or cuda expected"));
    what = choice();
    what.kernels = "/nowhere";
    CHECK_THAT(refusal(what), Contains("/nowhere: no kernel library"));
    afnet_focal_block *block = nullptr;
    CHECK(afnet_focal_block_open(nullptr, &block) != 0);
    CHECK_THAT(afnet_error(), Contains("NULL"));
    CHECK(afnet_focal_block_open(&what, nullptr) != 0);
    CHECK(afnet_set_threads(-1) != 0);
    CHECK_THAT(afnet_error(), Contains("-1 threads"));
    CHECK(afnet_set_threads(0) == 0);
    afnet_focal_block_close(nullptr);
}

TEST_CASE("the C interface says what is wrong with a run", "[interface]") {
    const Opened opened(choice());
    const afnet_focal_block_shape shape = {2, 2, 1, 1};
    std::vector<float> memory(1 << 16);
    float *const output = memory.data() + (1 << 15);
    CHECK(afnet_focal_block_run(nullptr, &shape, memory.data(), nullptr, output) != 0);
    CHECK_THAT(afnet_error(), Contains("the block is NULL"));
    CHECK(afnet_focal_block_run(opened.block, nullptr, memory.data(), nullptr, output) != 0);
    CHECK_THAT(afnet_error(), Contains("the shape is NULL"));
    CHECK(afnet_focal_block_run(opened.block, &shape, nullptr, nullptr, output) != 0);
    CHECK_THAT(afnet_error(), Contains("the input is NULL"));
    CHECK(afnet_focal_block_run(opened.block, &shape, memory.data(), nullptr, nullptr) != 0);
    CHECK_THAT(afnet_error(), Contains("the output is NULL"));
    CHECK(afnet_focal_block_run_on_stream(opened.block, &shape, memory.data(), nullptr, output, nullptr) != 0);
    CHECK_THAT(afnet_error(), Contains("opened for the CPU"));
}
