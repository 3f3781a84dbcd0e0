#include "model/confusion_picture.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/canvas.h"

namespace afnet {

namespace {

constexpr int kMargin = 12, kTextHeight = 8, kMostNameWidth = 200;
constexpr int kLeastCellForText = 14, kLeastCellForCounts = 30;
constexpr Color kPaper = {255, 255, 255}, kInk = {28, 33, 38}, kRight = {10, 90, 70}, kWrong = {160, 50, 20};

struct Layout {
    int cell = 24, left = kMargin, top = 40, side = 0;
    bool names = true, counts = true;
};

Layout layout_of(const std::vector<std::string> &classes) {
    Layout layout;
    const int count = int(classes.size());
    layout.cell = std::clamp(960 / std::max(1, count), 2, 48);
    layout.names = layout.cell >= kLeastCellForText;
    layout.counts = layout.cell >= kLeastCellForCounts;
    layout.side = layout.cell * count;
    if (!layout.names) return layout;
    int widest = 0;
    for (const std::string &name : classes)
        widest = std::max(widest, text_width(name, 1));
    layout.left += std::min(widest, kMostNameWidth) + 6;
    layout.top += 14;
    return layout;
}

Color shade(Color full, double part) {
    const auto mixed = [&](uint8_t paper, uint8_t ink) { return uint8_t(std::lround(paper + (ink - paper) * part)); };
    return {mixed(kPaper.red, full.red), mixed(kPaper.green, full.green), mixed(kPaper.blue, full.blue)};
}

void draw_row(Canvas &canvas, const Layout &layout, const size_t *counts, size_t classes, size_t row) {
    const size_t clips = std::accumulate(counts, counts + classes, size_t(0));
    for (size_t column = 0; column < classes; ++column) {
        if (counts[column] == 0) continue;
        const double part = double(counts[column]) / double(clips);
        const Rectangle area = {layout.left + int(column) * layout.cell, layout.top + int(row) * layout.cell,
                                layout.cell, layout.cell};
        // Also one clip of thousands is seen.
        canvas.fill(area, shade(row == column ? kRight : kWrong, 0.12 + 0.88 * part));
        if (!layout.counts) continue;
        const std::string text = fitted_text(std::to_string(counts[column]), 1, layout.cell - 4);
        canvas.text(area.x + (layout.cell - text_width(text, 1)) / 2, area.y + (layout.cell - kTextHeight) / 2, 1, text,
                    part > 0.45 ? kPaper : kInk);
    }
}

} // namespace

RgbFrame confusion_picture(const std::vector<size_t> &matrix, const std::vector<std::string> &classes,
                           const std::string &title) {
    const Layout layout = layout_of(classes);
    const int width = std::max(layout.left + layout.side + kMargin, text_width(title, 1) + 2 * kMargin);
    Canvas canvas(std::max(width, 320), layout.top + layout.side + kMargin, kPaper);
    canvas.text(kMargin, kMargin, 1, title, kInk);
    canvas.text(kMargin, kMargin + 14, 1, "rows: true class; columns: taken for", kInk);
    for (size_t row = 0; row < classes.size(); ++row) {
        if (layout.names) {
            const std::string name = fitted_text(classes[row], 1, kMostNameWidth);
            const int middle = (layout.cell - kTextHeight) / 2;
            canvas.text(layout.left - 6 - text_width(name, 1), layout.top + int(row) * layout.cell + middle, 1, name,
                        kInk);
            canvas.text(layout.left + int(row) * layout.cell + 2, layout.top - 12, 1,
                        fitted_text(std::to_string(row), 1, layout.cell), kInk);
        }
        draw_row(canvas, layout, matrix.data() + row * classes.size(), classes.size(), row);
    }
    canvas.border({layout.left, layout.top, layout.side, layout.side}, 1, kInk);
    return canvas.frame();
}

} // namespace afnet
