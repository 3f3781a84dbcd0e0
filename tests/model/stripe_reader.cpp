#include "tests/model/stripe_reader.h"

#include <cmath>
#include <complex>
#include <cstdlib>

namespace afnet_test {

bool looks_like_key(const afnet::RgbFrame &frame) {
    // Means over sixths of the frame's sides: some lie in the patch, and noise does not matter to them.
    const int side = frame.width / 6;
    long best = 0;
    for (int block = 0; block < 36; ++block) {
        long red_over_blue = 0;
        for (int y = block / 6 * side; y < (block / 6 + 1) * side; ++y) {
            for (int x = block % 6 * side; x < (block % 6 + 1) * side; ++x) {
                const uint8_t *pixel = frame.data.data() + 3 * (size_t(y) * size_t(frame.width) + size_t(x));
                red_over_blue += pixel[0] - pixel[2];
            }
        }
        if (std::abs(red_over_blue) > std::abs(best)) best = red_over_blue;
    }
    return best > 0;
}

int read_orientation(const afnet::RgbFrame &frame) {
    constexpr double kPi = 3.14159265358979323846;
    const double scale = 48. / frame.width;
    int best = -1;
    double most = -1;
    for (int orientation = 0; orientation < 4; ++orientation) {
        const double angle = orientation * kPi / 4;
        std::complex<double> wave = 0;
        for (int y = 0; y < frame.height; ++y) {
            for (int x = 0; x < frame.width; ++x) {
                const uint8_t *pixel = frame.data.data() + 3 * (size_t(y) * frame.width + x);
                const double turns = scale * (x * std::cos(angle) + y * std::sin(angle)) / 4;
                wave += std::polar(double(pixel[0] + pixel[1] + pixel[2]), 2 * kPi * turns);
            }
        }
        if (std::abs(wave) > most) {
            most = std::abs(wave);
            best = orientation;
        }
    }
    return best;
}

} // namespace afnet_test
