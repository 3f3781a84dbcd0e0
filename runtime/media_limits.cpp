#include "runtime/media_limits.h"

#include <algorithm>
#include <cmath>

#include "runtime/error.h"

namespace afnet {

namespace {

constexpr double kForever = 1e9; // seconds; thirty years, and far from the clock's overflow

double bounded(double seconds) {
    return seconds > 0 ? std::min(seconds, kForever) : kForever;
}

} // namespace

WorkWatch::WorkWatch(const MediaLimits &limits)
    : seconds_(bounded(limits.seconds)),
      end_(Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds_))),
      cancelled_(limits.cancelled) {}

bool WorkWatch::late() const {
    return Clock::now() >= end_;
}

bool WorkWatch::over() const {
    return (cancelled_ && cancelled_()) || late();
}

void WorkWatch::check(const std::string &path) const {
    if (cancelled_ && cancelled_()) throw Interrupted();
    if (!late()) return;
    throw Error(path + ": reading took longer than " + std::to_string(std::lround(std::ceil(seconds_))) +
                " s; videos that decode in less are expected. Cut the video, or allow more time");
}

void check_frame_size(const std::string &path, int64_t width, int64_t height, const MediaLimits &limits) {
    // Neither side alone may pass the bound, so that their product cannot overflow.
    const bool sane = width > 0 && height > 0 && width <= limits.max_pixels && height <= limits.max_pixels;
    if (sane && width * height <= limits.max_pixels) return;
    throw Error(path + ": a frame of " + std::to_string(width) + " x " + std::to_string(height) +
                " pixels; between 1 and " + std::to_string(limits.max_pixels) + " pixels expected");
}

} // namespace afnet
