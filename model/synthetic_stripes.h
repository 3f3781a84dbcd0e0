// Squares of stripes, as some synthetic data sets draw them.
#pragma once

#include "model/synthetic_clip.h"

namespace afnet {

constexpr int kStripeClasses = 4; // orientations

/// Stripes of four pixels, two bright and two dark ones.
struct Stripes {
    int x = 0, y = 0, side = 0; // the square's first column and row; its columns and rows
    int orientation = 0; // stripes repeat in the direction of orientation * 45 degrees from x to y, which points down
    double phase = 0;    // in periods
    Colour colour;       // of bright stripes
};

/// Warm or cool: the most red, or the most blue. Takes three numbers.
Colour draw_stripe_colour(CounterRandom &random, bool warm);

/// Draws them over what `picture` shows.
void paint(Picture &picture, const Stripes &stripes);

} // namespace afnet
