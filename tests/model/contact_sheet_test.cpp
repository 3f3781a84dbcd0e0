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
        sheet.rows.push_back({"row", std::vector<bool>(size_t(frames), true)});
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
    sheet.frame_captions = {"one"};
    CHECK_THROWS_AS(draw_contact_sheet(sheet), Error);
    sheet = sheet_of(4, 1);
    sheet.frames[2].data.pop_back();
    CHECK_THROWS_AS(draw_contact_sheet(sheet), Error);
}
