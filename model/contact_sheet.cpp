#include "model/contact_sheet.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "model/bitmap_font.h"
#include "model/canvas.h"
#include "runtime/error.h"

namespace afnet {

namespace {

constexpr Color kBackground{22, 24, 30};
constexpr Color kHeader{34, 38, 48};
constexpr Color kBarTrack{58, 64, 78};
constexpr Color kTitle{240, 242, 247};
constexpr Color kText{152, 160, 178};
constexpr Color kSelected{72, 199, 142};
constexpr Color kRejected{224, 67, 67};
constexpr Color kRejectedFrame{92, 40, 44};

constexpr double kDimmed = 0.75;  // of patches that were left out
constexpr int kLeastOutlined = 6; // pixels of a patch; an outline of smaller ones would hide them
constexpr int kMargin = 24;
constexpr int kGap = 12; // between thumbnails
constexpr int kFrameWidth = 3;
constexpr int kLineHeight = 2 * kGlyphHeight + 8; // of small text, with space around it
constexpr int kMostColumnsInGrid = 6;

// Where everything goes, in pixels.
struct Layout {
    bool grid = false; // one decision over several lines, rather than one line per decision
    int columns = 0;
    int lines = 0;    // of thumbnails
    int captions = 0; // width of the captions at the left; 0 in a grid
    int thumb_width = 0;
    int thumb_height = 0;
    int line_height = 0;
    int header = 0;
    int top = 0; // of the first line of thumbnails
    int width = 0;
    int height = 0;

    Rectangle thumbnail(int line, int column) const {
        return {kMargin + captions + column * (thumb_width + kGap), top + line * line_height, thumb_width,
                thumb_height};
    }
};

void check(const ContactSheet &sheet) {
    const auto refuse = [&](const std::string &what, size_t n) {
        throw Error("contact sheet: " + what + std::to_string(n) + " entries for " +
                    std::to_string(sheet.frames.size()) + " frames; one for each of at least one frame expected");
    };
    if (sheet.frames.empty()) refuse("the clip has ", 0);
    for (const RgbFrame &frame : sheet.frames) {
        const bool sane = frame.width > 0 && frame.height > 0 &&
                          frame.data.size() == 3 * size_t(frame.width) * static_cast<size_t>(frame.height);
        if (!sane) refuse("a frame without all of its pixels among ", sheet.frames.size());
    }
    for (const ContactSheetRow &row : sheet.rows) {
        if (row.selected.size() != sheet.frames.size()) refuse("row " + row.caption + " has ", row.selected.size());
        const size_t patches = size_t(row.grid) * size_t(row.grid);
        if (row.patches.size() != patches * sheet.frames.size())
            refuse("row " + row.caption + " has patches for ", patches > 0 ? row.patches.size() / patches : 0);
    }
    const size_t captions = sheet.frame_captions.size();
    if (captions != 0 && captions != sheet.frames.size()) refuse("frame captions: ", captions);
}

// `8 of 12 frames`; where patches were left out `40 of 128 patches` of these, and frames only where some were left out.
std::string count_text(const ContactSheetRow &row) {
    const auto count = std::count(row.selected.begin(), row.selected.end(), true);
    const std::string frames = std::to_string(count) + " of " + std::to_string(row.selected.size()) + " frames";
    if (row.grid == 0) return frames;
    const long of_frame = long(row.grid) * row.grid;
    long looked_at = 0;
    for (size_t i = 0; i < row.selected.size(); ++i) {
        const auto begin = row.patches.begin() + long(i) * of_frame;
        if (row.selected[i]) looked_at += std::count(begin, begin + of_frame, 1);
    }
    const std::string patches = std::to_string(looked_at) + " of " + std::to_string(count * of_frame) + " patches";
    return size_t(count) == row.selected.size() ? patches : frames + ", " + patches;
}

Layout lay_out(const ContactSheet &sheet) {
    Layout layout;
    const int frames = static_cast<int>(sheet.frames.size());
    layout.grid = sheet.rows.size() <= 1;
    const int most_columns = frames <= 8 ? 4 : kMostColumnsInGrid;
    layout.columns = layout.grid ? std::min(frames, most_columns) : frames;
    layout.lines = layout.grid ? (frames + layout.columns - 1) / layout.columns : static_cast<int>(sheet.rows.size());
    for (const ContactSheetRow &row : sheet.rows) {
        if (layout.grid) continue;
        const int width = std::max(text_width(ascii_only(row.caption), 2), text_width(count_text(row), 2));
        layout.captions = std::max(layout.captions, width + kMargin);
    }
    layout.thumb_width = sheet.thumbnail_width > 0 ? sheet.thumbnail_width : layout.grid ? 200 : 104;
    // All thumbnails have the shape of the first frame, as videos hardly ever change theirs.
    const RgbFrame &first = sheet.frames.front();
    const double shape = std::clamp(double(first.height) / first.width, 0.25, 2.0);
    layout.thumb_height = std::max(1, static_cast<int>(std::lround(layout.thumb_width * shape)));
    const bool captioned = !sheet.frame_captions.empty();
    layout.line_height = layout.thumb_height + kGap + kFrameWidth + (layout.grid && captioned ? kLineHeight : 0);
    layout.header = kMargin + 4 * kGlyphHeight + kMargin + (sheet.detail.empty() ? 0 : kLineHeight);
    layout.top = layout.header + kMargin + (!layout.grid && captioned ? kLineHeight : 0);
    const bool counted = layout.grid && !sheet.rows.empty();
    if (counted) layout.top += kLineHeight;
    layout.width = 2 * kMargin + layout.captions + layout.columns * (layout.thumb_width + kGap) - kGap;
    layout.width = std::max(layout.width, 640);
    layout.height = layout.top + layout.lines * layout.line_height - kGap + kMargin;
    return layout;
}

void draw_header(Canvas &canvas, const Layout &layout, const ContactSheet &sheet) {
    canvas.fill({0, 0, layout.width, layout.header}, kHeader);
    int right = layout.width - kMargin;
    if (std::isfinite(sheet.probability)) {
        char text[32];
        std::snprintf(text, sizeof text, "%.1f %%", 100 * sheet.probability);
        right -= text_width(text, 4);
        canvas.text(right, kMargin, 4, text, kSelected);
        right -= kMargin;
        const Rectangle track{0, layout.header - 6, layout.width, 6};
        canvas.fill(track, kBarTrack);
        const double share = std::clamp(sheet.probability, 0.0, 1.0);
        canvas.fill({0, track.y, static_cast<int>(std::lround(share * track.width)), track.height}, kSelected);
    }
    const std::string label = ascii_only(sheet.label);
    int scale = 4;
    while (scale > 2 && text_width(label, scale) > right - kMargin)
        --scale;
    const int lower = (4 - scale) * kGlyphHeight / 2; // smaller text keeps the middle of the line
    canvas.text(kMargin, kMargin + lower, scale, fitted_text(label, scale, right - kMargin), kTitle);
    const std::string detail = fitted_text(ascii_only(sheet.detail), 2, layout.width - 2 * kMargin);
    canvas.text(kMargin, kMargin + 4 * kGlyphHeight + 16, 2, detail, kText);
}

// Cell `index` of `count` equal ones along a line of pixels.
struct Span {
    int begin, end;
};
Span cell(int begin, int length, int index, int count) {
    return {begin + length * index / count, begin + length * (index + 1) / count};
}

// Of frame `i`: what was not looked at is dimmed, patches that were are outlined.
void draw_patches(Canvas &canvas, const Rectangle &area, const FramePart &seen, const ContactSheetRow &row, size_t i) {
    const Rectangle part{area.x + int(std::lround(seen.left * area.width)),
                         area.y + int(std::lround(seen.top * area.height)), int(std::lround(seen.width * area.width)),
                         int(std::lround(seen.height * area.height))};
    const auto dim = [&](int x0, int y0, int x1, int y1) {
        canvas.fade({x0, y0, x1 - x0, y1 - y0}, kDimmed, kBackground);
    };
    const int right = part.x + part.width, bottom = part.y + part.height;
    dim(area.x, area.y, area.x + area.width, part.y);
    dim(area.x, bottom, area.x + area.width, area.y + area.height);
    dim(area.x, part.y, part.x, bottom);
    dim(right, part.y, area.x + area.width, bottom);
    const int grid = row.grid;
    for (int y = 0; y < grid; ++y) {
        for (int x = 0; x < grid; ++x) {
            const Span across = cell(part.x, part.width, x, grid), down = cell(part.y, part.height, y, grid);
            if (row.patches[(i * size_t(grid) + size_t(y)) * size_t(grid) + size_t(x)] == 0) {
                dim(across.begin, down.begin, across.end, down.end);
            } else if (across.end - across.begin >= kLeastOutlined && down.end - down.begin >= kLeastOutlined) {
                canvas.border(
                    {across.begin + 1, down.begin + 1, across.end - across.begin - 2, down.end - down.begin - 2}, 1,
                    kSelected);
            }
        }
    }
}

// `row`: null where all frames were looked at.
void draw_thumbnail(Canvas &canvas, const Rectangle &area, const ContactSheet &sheet, const ContactSheetRow *row,
                    size_t i) {
    const bool selected = !row || row->selected[i];
    canvas.picture(area, sheet.frames[i]);
    canvas.border(area, kFrameWidth, selected ? kSelected : kRejectedFrame);
    if (selected && row && row->grid > 0) draw_patches(canvas, area, sheet.seen, *row, i);
    if (selected) return;
    canvas.fade(area, 0.55, kBackground);
    const double thickness = std::max(2.5, area.width / 36.0);
    const double inset = thickness / 2;
    const double left = area.x + inset, right = area.x + area.width - inset;
    const double top = area.y + inset, bottom = area.y + area.height - inset;
    canvas.line(left, top, right, bottom, thickness, kRejected);
    canvas.line(left, bottom, right, top, thickness, kRejected);
}

void draw_centred(Canvas &canvas, const Rectangle &above, int y, const std::string &text) {
    const std::string shown = fitted_text(ascii_only(text), 2, above.width + kGap);
    canvas.text(above.x + (above.width - text_width(shown, 2)) / 2, y, 2, shown, kText);
}

void draw_grid(Canvas &canvas, const Layout &layout, const ContactSheet &sheet) {
    if (!sheet.rows.empty()) {
        const ContactSheetRow &row = sheet.rows.front();
        const std::string text = ascii_only(row.caption) + (row.caption.empty() ? "" : ": ") + count_text(row);
        canvas.text(kMargin, layout.top - kLineHeight - 4, 2, fitted_text(text, 2, layout.width - 2 * kMargin), kText);
    }
    for (size_t i = 0; i < sheet.frames.size(); ++i) {
        const int place = static_cast<int>(i);
        const Rectangle area = layout.thumbnail(place / layout.columns, place % layout.columns);
        draw_thumbnail(canvas, area, sheet, sheet.rows.empty() ? nullptr : &sheet.rows.front(), i);
        if (sheet.frame_captions.empty()) continue;
        draw_centred(canvas, area, area.y + area.height + kFrameWidth + 6, sheet.frame_captions[i]);
    }
}

void draw_rows(Canvas &canvas, const Layout &layout, const ContactSheet &sheet) {
    for (int column = 0; column < layout.columns && !sheet.frame_captions.empty(); ++column) {
        const Rectangle area = layout.thumbnail(0, column);
        draw_centred(canvas, area, layout.top - kLineHeight, sheet.frame_captions[static_cast<size_t>(column)]);
    }
    for (int line = 0; line < layout.lines; ++line) {
        const ContactSheetRow &row = sheet.rows[static_cast<size_t>(line)];
        const int middle = layout.thumbnail(line, 0).y + layout.thumb_height / 2;
        canvas.text(kMargin, middle - kLineHeight + 2, 2, ascii_only(row.caption), kTitle);
        canvas.text(kMargin, middle + 4, 2, count_text(row), kText);
        for (int column = 0; column < layout.columns; ++column) {
            const auto i = static_cast<size_t>(column);
            draw_thumbnail(canvas, layout.thumbnail(line, column), sheet, &row, i);
        }
    }
}

} // namespace

RgbFrame draw_contact_sheet(const ContactSheet &sheet) {
    check(sheet);
    const Layout layout = lay_out(sheet);
    Canvas canvas(layout.width, layout.height, kBackground);
    draw_header(canvas, layout, sheet);
    if (layout.grid) {
        draw_grid(canvas, layout, sheet);
    } else {
        draw_rows(canvas, layout, sheet);
    }
    return canvas.frame();
}

} // namespace afnet
