// Preprocessing: the resize bit for bit as defined, the crop and normalisation within rounding.
#include <catch2/catch.hpp>
#include <cmath>

#include "model/preprocess.h"
#include "model/recipe.h"
#include "tests/generators/layer.h"
#include "tests/kernel_call.h"
#include "tests/kernel_targets.h"
#include "tests/reference/resize.h"

using namespace afnet;

namespace {

KernelStore &shipped_kernels(const Target &target) {
    static std::map<std::string, std::unique_ptr<KernelStore>> stores;
    auto &store = stores[target.name];
    if (!store) store = std::make_unique<KernelStore>(AFNET_KERNEL_DIR, target);
    return *store;
}

int random_int(int least, int most, uint64_t index) {
    return least + int(recipe_uniform(fnv1a64("sizes"), 4, index) * (most - least + 1));
}

// Noise, flat black and flat white stretches: weights that do not add up to one show in the flat ones.
RgbFrame random_picture(int width, int height) {
    RgbFrame picture;
    picture.width = width;
    picture.height = height;
    for (size_t i = 0; i < size_t(3) * size_t(width) * size_t(height); i++) {
        const double u = recipe_uniform(fnv1a64("pixels"), 1, i);
        picture.data.push_back(i / 40 % 4 == 0 ? 255 : i / 40 % 4 == 1 ? 0 : uint8_t(u * 256));
    }
    return picture;
}

std::vector<uint8_t> defined(const RgbFrame &picture, int width, int height) {
    return reference::resize_bilinear({3, picture.width, picture.height, picture.data}, width, height).data;
}

EvaluationCrop whole(int width, int height) {
    EvaluationCrop crop;
    crop.width = width;
    crop.height = height;
    crop.size = std::min(width, height);
    crop.left = width - crop.size;
    crop.top = height - crop.size;
    return crop;
}

using Picture = Halide::Runtime::Buffer<uint8_t>;

// One pass by its kernel, between rows that have gaps.
void check_pass(const Target &target, bool vertical, int from, int to, int other) {
    const int width = vertical ? other : from, height = vertical ? from : other;
    const RgbFrame picture = random_picture(width, height);
    Picture input(3, width + 2, height);
    Picture output(3, (vertical ? width : to) + 1, vertical ? to : height);
    input.crop(1, 0, width);
    output.crop(1, 0, vertical ? width : to);
    input.for_each_element(
        [&](int c, int x, int y) { input(c, x, y) = picture.data[size_t((y * width + x) * 3 + c)]; });
    const ResizeTable table = resize_table(from, to);
    KernelCall(shipped_kernels(target).kernel(KernelSpec("resize").set("vertical", vertical), kPreprocessLibrary))
        .bind("input", input)
        .bind("weights", integers(table.weights, {table.taps, to}))
        .bind("first", integers(table.first, {to}))
        .bind("output", output)
        .run();
    const std::vector<uint8_t> expected = defined(picture, vertical ? width : to, vertical ? to : height);
    std::vector<uint8_t> dense;
    for (int y = 0; y < output.dim(2).extent(); y++) {
        for (int x = 0; x < output.dim(1).extent(); x++) {
            for (int c = 0; c < 3; c++) dense.push_back(output(c, x, y));
        }
    }
    CHECK(dense == expected);
}

}  // namespace

TEST_CASE("each resize pass equals its definition bit for bit", "[resize]") {
    for (const Target &target : runnable_targets()) {
        for (const bool vertical : {false, true}) {
            for (uint64_t i = 0; i < 40; i++) {
                const int from = random_int(1, 150, 3 * i), to = random_int(1, 150, 3 * i + 1);
                const int other = random_int(1, 40, 3 * i + 2);
                INFO((vertical ? "rows " : "columns ") << from << " to " << to << ", " << other << " beside, on "
                                                       << target.name);
                check_pass(target, vertical, from, to, other);
            }
        }
    }
}

TEST_CASE("frames are resized up and down as Pillow resizes them", "[resize]") {
    for (const Target &target : runnable_targets()) {
        for (uint64_t i = 0; i < 12; i++) {
            const RgbFrame picture = random_picture(random_int(1, 400, 900 + i), random_int(1, 300, 700 + i));
            const int width = random_int(1, 330, 500 + i), height = random_int(1, 250, 300 + i);
            INFO(picture.width << "x" << picture.height << " to " << width << "x" << height << " on " << target.name);
            Preprocessor preprocessor(shipped_kernels(target), whole(width, height));
            const RgbFrame resized = preprocessor.resize(picture);
            CHECK(resized.width == width);
            CHECK(resized.height == height);
            CHECK(resized.data == defined(picture, width, height));
        }
    }
}

TEST_CASE("one preprocessor takes frames of changing sizes", "[resize]") {
    Preprocessor preprocessor(shipped_kernels(runnable_targets().back()), whole(64, 48));
    for (const auto &[width, height] : {std::make_pair(100, 80), std::make_pair(64, 48), std::make_pair(100, 80)}) {
        const RgbFrame picture = random_picture(width, height);
        CHECK(preprocessor.resize(picture).data == defined(picture, 64, 48));
    }
}

TEST_CASE("the network's input is the centre of the resized frame, normalised", "[resize]") {
    const double mean[] = {0.485, 0.456, 0.406}, deviation[] = {0.229, 0.224, 0.225};
    const EvaluationCrop crop = evaluation_crop(96);
    CHECK(crop.left == (crop.width - 96) / 2);
    const RgbFrame picture = random_picture(171, 128);
    const std::vector<uint8_t> resized = defined(picture, crop.width, crop.height);
    for (const Target &target : runnable_targets()) {
        INFO(target.name);
        Preprocessor preprocessor(shipped_kernels(target), crop);
        const float *pixels = preprocessor.run(picture);
        double worst = 0;
        for (int y = 0; y < crop.size; y++) {
            for (int x = 0; x < crop.size; x++) {
                for (int c = 0; c < 3; c++) {
                    const int value = resized[size_t(((y + crop.top) * crop.width + x + crop.left) * 3 + c)];
                    const double expected = (value / 255.0 - mean[c]) / deviation[c];
                    worst = std::max(worst, std::abs(expected - double(pixels[(y * crop.size + x) * 3 + c])));
                }
            }
        }
        CHECK(worst < 2e-6);  // four roundings of numbers below 3
    }
}
