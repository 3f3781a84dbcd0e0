#include "model/canvas.h"

#include <algorithm>
#include <cmath>

#include "model/bitmap_font.h"

namespace afnet {

namespace {

uint8_t mixed(uint8_t from, double to, double amount) {
    return static_cast<uint8_t>(std::lround(from + (to - from) * amount));
}

// The mean colour of the part [x0, x1) x [y0, y1) of a picture.
Color mean_color(const RgbFrame &picture, int x0, int x1, int y0, int y1) {
    uint64_t sums[3] = {};
    for (int y = y0; y < y1; ++y) {
        const uint8_t *row = picture.data.data() + 3 * size_t(picture.width) * y;
        for (int i = 3 * x0; i < 3 * x1; ++i)
            sums[i % 3] += row[i];
    }
    const uint64_t n = uint64_t(x1 - x0) * (y1 - y0);
    const auto mean = [n](uint64_t sum) { return static_cast<uint8_t>((sum + n / 2) / n); };
    return {mean(sums[0]), mean(sums[1]), mean(sums[2])};
}

} // namespace

Canvas::Canvas(int width, int height, Color background) {
    frame_.width = width;
    frame_.height = height;
    frame_.data.resize(3 * size_t(width) * height);
    fill({0, 0, width, height}, background);
}

Rectangle Canvas::visible(const Rectangle &area) const {
    const int x0 = std::max(area.x, 0), x1 = std::min(area.x + area.width, frame_.width);
    const int y0 = std::max(area.y, 0), y1 = std::min(area.y + area.height, frame_.height);
    return {x0, y0, std::max(x1 - x0, 0), std::max(y1 - y0, 0)};
}

void Canvas::fill(const Rectangle &area, Color color) {
    const Rectangle seen = visible(area);
    for (int y = seen.y; y < seen.y + seen.height; ++y) {
        for (int x = seen.x; x < seen.x + seen.width; ++x)
            blend(x, y, 1, color);
    }
}

void Canvas::border(const Rectangle &area, int thickness, Color color) {
    const int t = thickness;
    fill({area.x - t, area.y - t, area.width + 2 * t, t}, color);
    fill({area.x - t, area.y + area.height, area.width + 2 * t, t}, color);
    fill({area.x - t, area.y, t, area.height}, color);
    fill({area.x + area.width, area.y, t, area.height}, color);
}

void Canvas::blend(int x, int y, double amount, Color color) {
    uint8_t *p = pixel(x, y);
    p[0] = mixed(p[0], color.red, amount);
    p[1] = mixed(p[1], color.green, amount);
    p[2] = mixed(p[2], color.blue, amount);
}

void Canvas::line(double x0, double y0, double x1, double y1, double thickness, Color color) {
    const double dx = x1 - x0, dy = y1 - y0;
    const double squared_length = std::max(dx * dx + dy * dy, 1e-9);
    const double reach = thickness / 2 + 1;
    const int left = static_cast<int>(std::min(x0, x1) - reach), top = static_cast<int>(std::min(y0, y1) - reach);
    const int wide = static_cast<int>(std::abs(dx) + 2 * reach) + 2,
              tall = static_cast<int>(std::abs(dy) + 2 * reach) + 2;
    const Rectangle seen = visible({left, top, wide, tall});
    for (int y = seen.y; y < seen.y + seen.height; ++y) {
        for (int x = seen.x; x < seen.x + seen.width; ++x) {
            // A pixel is covered as far as its middle is from the line's edge, over a width of one pixel.
            const double px = x + 0.5 - x0, py = y + 0.5 - y0;
            const double along = std::clamp((px * dx + py * dy) / squared_length, 0.0, 1.0);
            const double distance = std::hypot(px - along * dx, py - along * dy);
            blend(x, y, std::clamp(thickness / 2 + 0.5 - distance, 0.0, 1.0), color);
        }
    }
}

void Canvas::text(int x, int y, int scale, const std::string &text, Color color) {
    for (char character : text) {
        const Glyph &dots = glyph(character);
        const int top = y + glyph_drop(character) * scale;
        for (int row = 0; row < kGlyphHeight; ++row) {
            for (int column = 0; column < kGlyphWidth; ++column) {
                const bool set = dots[static_cast<size_t>(row)] >> (kGlyphWidth - 1 - column) & 1;
                if (set) fill({x + column * scale, top + row * scale, scale, scale}, color);
            }
        }
        x += kGlyphAdvance * scale;
    }
}

void Canvas::picture(const Rectangle &area, const RgbFrame &picture) {
    const Rectangle seen = visible(area);
    const auto edge = [](int i, int of, int length) { return static_cast<int>(int64_t(i) * length / of); };
    for (int y = seen.y; y < seen.y + seen.height; ++y) {
        const int y0 = edge(y - area.y, area.height, picture.height);
        const int y1 = std::max(edge(y - area.y + 1, area.height, picture.height), y0 + 1);
        for (int x = seen.x; x < seen.x + seen.width; ++x) {
            const int x0 = edge(x - area.x, area.width, picture.width);
            const int x1 = std::max(edge(x - area.x + 1, area.width, picture.width), x0 + 1);
            blend(x, y, 1, mean_color(picture, x0, x1, y0, y1));
        }
    }
}

void Canvas::fade(const Rectangle &area, double amount, Color color) {
    const Rectangle seen = visible(area);
    for (int y = seen.y; y < seen.y + seen.height; ++y) {
        for (int x = seen.x; x < seen.x + seen.width; ++x) {
            const uint8_t *p = pixel(x, y);
            const auto grey = static_cast<uint8_t>((2 * p[0] + 5 * p[1] + p[2]) / 8);
            blend(x, y, amount, {grey, grey, grey});
            blend(x, y, amount, color);
        }
    }
}

int text_width(const std::string &text, int scale) {
    return text.empty() ? 0 : static_cast<int>(text.size()) * kGlyphAdvance * scale - scale;
}

std::string fitted_text(const std::string &text, int scale, int width) {
    if (text_width(text, scale) <= width) return text;
    std::string shortened = text;
    while (!shortened.empty() && text_width(shortened + "...", scale) > width)
        shortened.pop_back();
    return shortened + "...";
}

} // namespace afnet
