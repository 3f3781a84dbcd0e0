// Preprocessing against Pillow: real frames and what Pillow's resize made of them, one axis at a time.
#include <catch2/catch.hpp>
#include <filesystem>

#include "model/preprocess.h"
#include "runtime/image_file.h"
#include "tests/kernel_targets.h"

using namespace afnet;

#if AFNET_WITH_IMAGES
TEST_CASE("resized frames equal Pillow's bit for bit", "[preprocess]") {
    std::vector<std::string> warnings;
    int pairs = 0;
    for (const Target &target : runnable_targets()) {
        KernelStore kernels(AFNET_KERNEL_DIR, target);
        Preprocessor preprocessor(kernels, evaluation_crop(224));
        for (const auto &file : std::filesystem::directory_iterator(std::string(AFNET_FIXTURES) + "/resize")) {
            const std::string input = file.path().string();
            const size_t suffix = input.find(".input.png");
            if (suffix == std::string::npos) continue;
            INFO(target.name << " " << input);
            const RgbFrame expected = read_image(input.substr(0, suffix) + ".output.png", {}, warnings);
            const RgbFrame actual = preprocessor.resize(read_image(input, {}, warnings));
            REQUIRE(actual.width == expected.width);
            REQUIRE(actual.height == expected.height);
            CHECK(actual.data == expected.data);
            pairs++;
        }
    }
    CHECK(pairs >= 7);
}
#endif

TEST_CASE("the evaluation crop is the authors': 240 x 320, then the central 224", "[preprocess]") {
    const EvaluationCrop crop = evaluation_crop(224);
    CHECK(crop.width == 320);
    CHECK(crop.height == 240);
    CHECK(crop.left == 48);
    CHECK(crop.top == 8);
    const EvaluationCrop small = evaluation_crop(112);
    CHECK(small.width == 160);
    CHECK(small.left == 24);
}
