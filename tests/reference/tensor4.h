// The tensor of the reference definitions: frames of feature maps in double, channels innermost (NHWC).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "runtime/error.h"

namespace afnet::reference {

/// Throws Error with `what` unless `condition` holds: a definition that was handed shapes that do not fit together.
inline void require(bool condition, const char *what) {
    if (!condition) throw Error(std::string("reference: ") + what);
}

/// A stream of frames, indexed [c, x, y, f] innermost first: channel, column, row, flat frame f = t + T b. A vector per
/// frame (a pooled feature, logits) is a Tensor4 with x = y = 1.
struct Tensor4 {
    int c = 0, x = 0, y = 0, f = 0; // extents
    std::vector<double> data;

    Tensor4() = default;
    /// All zeros.
    Tensor4(int channels, int width, int height, int frames)
        : c(channels), x(width), y(height), f(frames), data(static_cast<size_t>(channels) * width * height * frames) {}

    double &at(int ci, int xi, int yi, int fi) { return data[offset(ci, xi, yi, fi)]; }
    double at(int ci, int xi, int yi, int fi) const { return data[offset(ci, xi, yi, fi)]; }

    /// The c channels of one pixel, contiguous.
    double *pixel(int xi, int yi, int fi) { return data.data() + offset(0, xi, yi, fi); }
    const double *pixel(int xi, int yi, int fi) const { return data.data() + offset(0, xi, yi, fi); }

    /// Position in `data`.
    size_t offset(int ci, int xi, int yi, int fi) const {
        return ((static_cast<size_t>(fi) * y + yi) * x + xi) * c + ci;
    }
};

} // namespace afnet::reference
