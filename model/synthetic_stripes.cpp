#include "model/synthetic_stripes.h"

#include <cmath>
#include <utility>

namespace afnet {

namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kPeriod = 4; // pixels
constexpr double kDark = .45; // of the colour, between bright stripes

} // namespace

Colour draw_stripe_colour(CounterRandom &random, bool warm) {
    Colour colour;
    colour[0] = random.uniform(.6, .9);
    colour[1] = random.uniform(.25, .5);
    colour[2] = random.uniform(0, .2);
    if (!warm) std::swap(colour[0], colour[2]);
    return colour;
}

void paint(Picture &picture, const Stripes &stripes) {
    const double angle = stripes.orientation * kPi / kStripeClasses;
    const double along_u = std::cos(angle), along_v = std::sin(angle);
    for (int v = 0; v < stripes.side; ++v) {
        for (int u = 0; u < stripes.side; ++u) {
            const double turns = (u * along_u + v * along_v) / kPeriod + stripes.phase;
            const double shade = turns - std::floor(turns) < .5 ? 1 : kDark;
            Colour &pixel = picture.pixels[size_t(stripes.y + v) * picture.side + size_t(stripes.x + u)];
            for (size_t c = 0; c < 3; ++c)
                pixel[c] = stripes.colour[c] * shade;
        }
    }
}

} // namespace afnet
