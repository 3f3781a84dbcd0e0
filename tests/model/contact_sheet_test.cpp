// The picture of what the network looked at: sizes, colours where they matter, odd input.
#include <catch2/catch.hpp>

#include <algorithm>

#include "model/bitmap_font.h"
#include "model/canvas.h"
#include "model/contact_sheet.h"
#include "runtime/error.h"

using namespace afnet;

namespace {

RgbFrame grey_frame(int width = 64, int height = 48) {
    return {width, height, std::vector<uint8_t>(size_t(3) * width * height, 128)};
}

ContactSheet sheet_of(int frames, int rows) {
    ContactSheet sheet;
    sheet.label = "juggling";
    sheet.probability = 0.5;
    sheet.frames.assign(size_t(frames), grey_frame());
    for (int row = 0; row < rows; ++row)
        sheet.rows.push_back({"row", std::vector<bool>(size_t(frames), true), 0, {}});
    return sheet;
}

// How many pixels are strongly red, as only crosses are.
int red_pixels(const RgbFrame &frame) {
    int count = 0;
    for (size_t i = 0; i < frame.data.size(); i += 3) {
        count += frame.data[i] > 200 && frame.data[i + 1] < 90 && frame.data[i + 2] < 90;
    }
    return count;
}

} // namespace

TEST_CASE("a sheet grows with its frames and rows", "[contact_sheet]") {
    const RgbFrame grid = draw_contact_sheet(sheet_of(12, 1));
    CHECK(grid.data.size() == size_t(3) * grid.width * grid.height);
    CHECK(draw_contact_sheet(sheet_of(13, 1)).height > grid.height);
    CHECK(draw_contact_sheet(sheet_of(13, 1)).width == grid.width);
    const RgbFrame rows = draw_contact_sheet(sheet_of(12, 5));
    CHECK(draw_contact_sheet(sheet_of(12, 6)).height > rows.height);
    CHECK(draw_contact_sheet(sheet_of(13, 5)).width > rows.width);
}

TEST_CASE("each frame that was left out is crossed, and no other", "[contact_sheet]") {
    for (int rows : {0, 1, 3}) {
        ContactSheet sheet = sheet_of(12, rows);
        CHECK(red_pixels(draw_contact_sheet(sheet)) == 0);
        if (rows == 0) continue;
        sheet.rows[0].selected[5] = false;
        const int once = red_pixels(draw_contact_sheet(sheet));
        CHECK(once > 50);
        sheet.rows[0].selected[7] = false;
        CHECK(red_pixels(draw_contact_sheet(sheet)) == Approx(2 * once).epsilon(0.02));
    }
}

namespace {

RgbFrame with_patches(std::vector<int> patches, const FramePart &seen = {}) {
    ContactSheet sheet = sheet_of(1, 1);
    sheet.thumbnail_width = 160;
    sheet.frames[0] = {64, 64, std::vector<uint8_t>(size_t(3) * 64 * 64, 255)};
    sheet.rows[0].grid = 2;
    sheet.rows[0].patches = std::move(patches);
    sheet.seen = seen;
    return draw_contact_sheet(sheet);
}

// How many pixels of the thumbnail, below the header, are as bright as the frame was.
int bright_pixels(const RgbFrame &frame) {
    int count = 0;
    for (size_t i = 3 * size_t(frame.width) * 120; i < frame.data.size(); i += 3)
        count += frame.data[i] > 250 && frame.data[i + 1] > 250 && frame.data[i + 2] > 250;
    return count;
}

} // namespace

TEST_CASE("patches that were left out are dimmed", "[contact_sheet]") {
    const int all = bright_pixels(with_patches({1, 1, 1, 1}));
    CHECK(all > 150 * 150);
    CHECK(bright_pixels(with_patches({1, 0, 0, 0})) == Approx(all / 4.).epsilon(.05));
    CHECK(bright_pixels(with_patches({0, 1, 1, 0})) == Approx(all / 2.).epsilon(.05));
    CHECK(bright_pixels(with_patches({0, 0, 0, 0})) == 0);
    CHECK(with_patches({1, 0, 0, 0}).data != with_patches({0, 1, 0, 0}).data);
    // Patches lie on what the network sees; all around is dimmed too.
    const FramePart middle{.25, .25, .5, .5};
    CHECK(bright_pixels(with_patches({1, 1, 1, 1}, middle)) == Approx(all / 4.).epsilon(.1));
    CHECK(red_pixels(with_patches({0, 0, 0, 0})) == 0);
    // Patches smaller than a pixel.
    ContactSheet fine = sheet_of(2, 3);
    fine.rows[1].grid = 64;
    fine.rows[1].patches.assign(size_t(2) * 64 * 64, 1);
    fine.thumbnail_width = 20;
    CHECK(draw_contact_sheet(fine).width >= 640);
}

TEST_CASE("any text and any frame shape can be drawn", "[contact_sheet]") {
    ContactSheet sheet = sheet_of(3, 1);
    sheet.label = std::string(3000, 'W') + "\n\xc3\xa4\xff";
    sheet.detail = std::string(3000, 'g');
    sheet.rows[0].caption = std::string(3000, 'y');
    sheet.frame_captions = {"", std::string(500, '~'), "\x01"};
    sheet.probability = 7;
    sheet.frames[0] = grey_frame(1, 1000);
    sheet.frames[1] = grey_frame(1000, 1);
    sheet.frames[2] = grey_frame(1, 1);
    CHECK(draw_contact_sheet(sheet).width < 4000);
    CHECK(ascii_only("a\xc3\xa4"
                     "b\n") == "a?b?");
    CHECK(fitted_text("abcdef", 1, 30) == "ab...");
    CHECK(glyph('\x80') == glyph('?'));
}

TEST_CASE("sheets that do not fit together are refused", "[contact_sheet]") {
    CHECK_THROWS_AS(draw_contact_sheet({}), Error);
    ContactSheet sheet = sheet_of(4, 2);
    sheet.rows[1].selected.pop_back();
    CHECK_THROWS_WITH(draw_contact_sheet(sheet), Catch::Contains("row row has 3 entries for 4 frames"));
    sheet = sheet_of(4, 1);
    sheet.rows[0].grid = 2;
    sheet.rows[0].patches.assign(3 * 4, 1);
    CHECK_THROWS_WITH(draw_contact_sheet(sheet), Catch::Contains("patches for 3 entries for 4 frames"));
    sheet = sheet_of(4, 1);
    sheet.frame_captions = {"one"};
    CHECK_THROWS_AS(draw_contact_sheet(sheet), Error);
    sheet = sheet_of(4, 1);
    sheet.frames[2].data.pop_back();
    CHECK_THROWS_AS(draw_contact_sheet(sheet), Error);
}
