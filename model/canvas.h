// Drawing into a picture: rectangles, lines, text and other pictures. Everything is cut off at the edges.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/rgb_frame.h"

namespace afnet {

struct Color {
    uint8_t red = 0;
    uint8_t green = 0;
    uint8_t blue = 0;
};

struct Rectangle {
    int x = 0;
    int y = 0;
    int width = 0;
    int height = 0;
};

class Canvas {
public:
    Canvas(int width, int height, Color background);

    void fill(const Rectangle &area, Color color);

    /// A frame of `thickness` pixels around `area`, outside it.
    void border(const Rectangle &area, int thickness, Color color);

    /// A smooth line between two points.
    void line(double x0, double y0, double x1, double y1, double thickness, Color color);

    /// One line of ASCII text with its upper left corner at (x, y), each dot `scale` x `scale` pixels.
    void text(int x, int y, int scale, const std::string &text, Color color);

    /// `picture` scaled to fill `area`; each pixel is the mean of those that it stands for.
    void picture(const Rectangle &area, const RgbFrame &picture);

    /// Draws what is in `area` towards grey and `color`: 0 leaves it, 1 replaces it.
    void fade(const Rectangle &area, double amount, Color color);

    const RgbFrame &frame() const { return frame_; }

private:
    uint8_t *pixel(int x, int y) { return frame_.data.data() + 3 * (size_t(frame_.width) * y + x); }
    Rectangle visible(const Rectangle &area) const;
    void blend(int x, int y, double amount, Color color);

    RgbFrame frame_;
};

/// Width in pixels of text drawn at this scale.
int text_width(const std::string &text, int scale);

/// `text`, if need be shortened with "..." so that it is at most `width` pixels wide.
std::string fitted_text(const std::string &text, int scale, int width);

} // namespace afnet
