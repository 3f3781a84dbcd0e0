// What training varies: crops as the authors' program draws them, and what the kernels make of one.
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <set>

#include "model/augmentation.h"
#include "model/recipe.h"
#include "tests/kernel_targets.h"
#include "tests/reference/resize.h"

using namespace afnet;

namespace {

using Pair = std::pair<int, int>;

CounterRandom random_of(uint32_t sample) {
    RandomStream stream;
    stream.sample = sample;
    return CounterRandom(7, stream);
}

RgbFrame noise(int width, int height) {
    RgbFrame picture = {width, height, {}};
    for (size_t i = 0; i < size_t(3) * size_t(width) * size_t(height); i++)
        picture.data.push_back(uint8_t(recipe_uniform(fnv1a64("noise"), 1, i) * 256));
    return picture;
}

// Pillow's resize, crop, resize and flip, one after the other.
reference::Picture defined(const RgbFrame &frame, const EvaluationCrop &crop, const CropBox &box) {
    const auto resized =
        reference::resize_bilinear({3, frame.width, frame.height, frame.data}, crop.width, crop.height);
    reference::Picture cut = {3, box.width, box.height, {}};
    for (int y = 0; y < box.height; y++) {
        for (int x = 0; x < box.width; x++) {
            for (int c = 0; c < 3; c++)
                cut.data.push_back(resized.data[size_t(((y + box.top) * crop.width + x + box.left) * 3 + c)]);
        }
    }
    reference::Picture square = reference::resize_bilinear(cut, crop.size, crop.size);
    if (!box.flip) return square;
    reference::Picture flipped = square;
    for (int y = 0; y < crop.size; y++) {
        for (int x = 0; x < crop.size; x++) {
            for (int c = 0; c < 3; c++)
                flipped.data[size_t((y * crop.size + x) * 3 + c)] =
                    square.data[size_t((y * crop.size + crop.size - 1 - x) * 3 + c)];
        }
    }
    return flipped;
}

} // namespace

TEST_CASE("crops have the authors' sizes and places", "[augmentation]") {
    const EvaluationCrop frame = evaluation_crop(224);
    const auto sizes = crop_sizes(frame);
    CHECK(sizes == std::vector<Pair>{{240, 240},
                                     {210, 240},
                                     {240, 210},
                                     {210, 210},
                                     {180, 210},
                                     {210, 180},
                                     {180, 180},
                                     {158, 180},
                                     {180, 158},
                                     {158, 158}});
    // 320 - 180 = 140 and 240 - 158 = 82 pixels of room: steps of 35 and 20.
    const auto places = crop_places(frame, 180, 158);
    CHECK(places == std::vector<Pair>{{0, 0},
                                      {140, 0},
                                      {0, 80},
                                      {140, 80},
                                      {70, 40},
                                      {0, 40},
                                      {140, 40},
                                      {70, 80},
                                      {70, 0},
                                      {35, 20},
                                      {105, 20},
                                      {35, 60},
                                      {105, 60}});
}

TEST_CASE("crops of any size lie in the frame, and nearly the network's size becomes it", "[augmentation]") {
    for (const Crop rule : {Crop::Evaluation, Crop::Whole}) {
        for (int size : {1, 2, 3, 32, 48, 64, 97, 112, 224, 300}) {
            const EvaluationCrop frame = frame_crop(rule, size);
            INFO(size);
            REQUIRE(crop_sizes(frame).size() == 10);
            for (const auto &[width, height] : crop_sizes(frame)) {
                REQUIRE((width == size || std::abs(width - size) >= 3));
                for (const auto &[left, top] : crop_places(frame, width, height)) {
                    REQUIRE(left >= 0);
                    REQUIRE(top >= 0);
                    REQUIRE(left + width <= frame.width);
                    REQUIRE(top + height <= frame.height);
                }
            }
        }
    }
    CHECK(crop_sizes(evaluation_crop(32))[0] == Pair{32, 32}); // of 34, the base
    CHECK(crop_sizes(frame_crop(Crop::Whole, 64))[9] == Pair{42, 42});
}

TEST_CASE("every size and place is drawn alike, and half of the clips are flipped", "[augmentation]") {
    const EvaluationCrop frame = evaluation_crop(224);
    constexpr int kDraws = 26000;
    std::map<Pair, int> sizes, places;
    int flips = 0;
    for (uint32_t i = 0; i < kDraws; i++) {
        CounterRandom random = random_of(i);
        const CropBox box = draw_crop(frame, {true, true}, random);
        sizes[{box.width, box.height}]++;
        if (box.width == 180 && box.height == 180) places[{box.left, box.top}]++;
        flips += box.flip;
        // Whether clips are flipped changes no crop.
        CounterRandom again = random_of(i);
        const CropBox still = draw_crop(frame, {true, false}, again);
        REQUIRE_FALSE(still.flip);
        REQUIRE(std::make_tuple(still.width, still.height, still.left, still.top) ==
                std::make_tuple(box.width, box.height, box.left, box.top));
    }
    // Five deviations of a count.
    const auto near = [](int count, double expected) { return std::abs(count - expected) < 5 * std::sqrt(expected); };
    REQUIRE(sizes.size() == 10);
    for (const auto &[size, count] : sizes)
        CHECK(near(count, kDraws / 10.0));
    REQUIRE(places.size() == 13);
    for (const auto &[place, count] : places)
        CHECK(near(count, kDraws / 130.0));
    CHECK(near(flips, kDraws / 2.0));
}

TEST_CASE("without a multi-scale crop the box is that of evaluation", "[augmentation]") {
    const EvaluationCrop frame = evaluation_crop(224);
    CounterRandom random = random_of(0);
    const CropBox box = draw_crop(frame, {}, random);
    CHECK(std::make_tuple(box.width, box.height, box.left, box.top, box.flip) ==
          std::make_tuple(224, 224, 48, 8, false));
    CHECK(random.position() == 0);
}

TEST_CASE("a varied frame is Pillow's resize, crop, resize and flip, bit for bit", "[augmentation]") {
    const float mean[] = {0.485f, 0.456f, 0.406f}, deviation[] = {0.229f, 0.224f, 0.225f};
    for (const Target &target : runnable_targets()) {
        KernelStore kernels(AFNET_KERNEL_DIR, target);
        for (const Crop rule : {Crop::Evaluation, Crop::Whole}) {
            const EvaluationCrop crop = frame_crop(rule, 56);
            Preprocessor preprocessor(kernels, crop);
            for (uint32_t i = 0; i < 24; i++) {
                const RgbFrame frame = noise(40 + int(i % 3) * 31, 90 - int(i % 2) * 31);
                CounterRandom random = random_of(i);
                const CropBox box = draw_crop(crop, {true, true}, random);
                INFO(target.name << " " << box.width << "x" << box.height << " at " << box.left << "," << box.top
                                 << (box.flip ? " flipped" : ""));
                const reference::Picture expected = defined(frame, crop, box);
                const float *pixels = preprocessor.run(frame, box);
                // The kernel's arithmetic in floats differs by its roundings from this; levels lie .017 apart.
                double worst = 0;
                for (size_t k = 0; k < expected.data.size(); k++) {
                    const double value = (expected.data[k] / 255.0 - mean[k % 3]) / deviation[k % 3];
                    worst = std::max(worst, std::abs(value - double(pixels[k])));
                }
                CHECK(worst < 2e-6);
            }
        }
    }
}

TEST_CASE("a box of the evaluation crop gives the pixels of evaluation, and one outside is refused", "[augmentation]") {
    KernelStore kernels(AFNET_KERNEL_DIR, runnable_targets().back());
    const EvaluationCrop crop = evaluation_crop(64);
    Preprocessor preprocessor(kernels, crop);
    const RgbFrame frame = noise(101, 77);
    const size_t elements = 3 * 64 * 64;
    const float *pixels = preprocessor.run(frame);
    const std::vector<float> centre(pixels, pixels + elements);
    pixels = preprocessor.run(frame, {64, 64, crop.left, crop.top, false});
    CHECK(std::vector<float>(pixels, pixels + elements) == centre);
    for (const CropBox &box : {CropBox{64, 64, -1, 0, false}, CropBox{64, 64, 0, crop.height - 63, false},
                               CropBox{0, 64, 0, 0, false}, CropBox{crop.width + 1, 10, 0, 0, false}}) {
        CHECK_THROWS_WITH(preprocessor.run(frame, box), Catch::Contains("does not lie in a frame"));
    }
}

TEST_CASE("a crop of the whole frame resizes it to the square", "[augmentation]") {
    KernelStore kernels(AFNET_KERNEL_DIR, runnable_targets().back());
    const EvaluationCrop crop = frame_crop(Crop::Whole, 48);
    CHECK(std::make_tuple(crop.width, crop.height, crop.left, crop.top) == std::make_tuple(48, 48, 0, 0));
    Preprocessor preprocessor(kernels, crop);
    const RgbFrame frame = noise(48, 48); // as large as the square: not changed at all
    CHECK(preprocessor.resize(frame).data == frame.data);
    const float *pixels = preprocessor.run(frame);
    CHECK(std::abs(double(pixels[0]) - (frame.data[0] / 255.0 - 0.485) / 0.229) < 2e-6);
    const size_t last = frame.data.size() - 1;
    CHECK(std::abs(double(pixels[last]) - (frame.data[last] / 255.0 - 0.406) / 0.225) < 2e-6);
}
