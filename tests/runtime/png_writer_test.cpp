// PNG files: what is written is what is read, and nothing is left behind when it fails.
#include <catch2/catch.hpp>

#include <filesystem>
#include <random>

#include "runtime/error.h"
#include "runtime/image_file.h"
#include "runtime/media_switches.h"
#include "runtime/png_writer.h"
#include "tests/runtime/media_fixture.h"

using namespace afnet;
using namespace afnet_test;

#if AFNET_WITH_IMAGES

TEST_CASE("a picture survives being written as PNG", "[png_writer]") {
    const TemporaryFolder folder;
    std::mt19937 random(3);
    for (const auto &[width, height] : {std::pair{1, 1}, {33, 17}, {320, 240}, {1, 300}, {300, 1}}) {
        INFO(width << " x " << height);
        RgbFrame frame{width, height, {}};
        for (int i = 0; i < 3 * width * height; ++i)
            frame.data.push_back(static_cast<uint8_t>(random()));
        write_png(folder.file("a.png"), frame);
        std::vector<std::string> warnings;
        const RgbFrame back = read_image(folder.file("a.png"), {}, warnings);
        CHECK(back.width == width);
        CHECK(back.height == height);
        CHECK(back.data == frame.data);
        CHECK(warnings.empty());
    }
}

TEST_CASE("what is no picture is not written", "[png_writer]") {
    const TemporaryFolder folder;
    for (const RgbFrame &frame : {RgbFrame{}, RgbFrame{2, 2, std::vector<uint8_t>(11)}, RgbFrame{-1, -1, {1, 2, 3}}}) {
        CHECK_THROWS_WITH(write_png(folder.file("a.png"), frame), Catch::Contains("bytes; 3 bytes for each"));
    }
    CHECK(std::filesystem::is_empty(folder.path()));
    CHECK_THROWS_AS(write_png(folder.file("no/such/folder.png"), RgbFrame{1, 1, {1, 2, 3}}), Error);
}

#endif
