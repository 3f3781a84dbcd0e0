#include "model/synthetic_clip.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace afnet {

namespace {

// The first `count` of 0 to n - 1 in random order.
std::vector<int> draw_order(CounterRandom &random, int count, int n) {
    std::vector<int> order(static_cast<size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    for (int i = 0; i < count; ++i)
        std::swap(order[size_t(i)], order[size_t(i) + random.below(uint32_t(n - i))]);
    order.resize(size_t(count));
    return order;
}

// The values of a picture in order, with the next number of a pair of normal ones for each.
class Noise {
public:
    Noise(double sigma, CounterRandom &random) : sigma_(sigma), random_(random) {}
    double next() {
        second_ = !second_;
        if (second_) pair_ = random_.normal_pair();
        return sigma_ * (second_ ? pair_.first : pair_.second);
    }

private:
    double sigma_;
    CounterRandom &random_;
    std::pair<double, double> pair_{};
    bool second_ = false;
};

} // namespace

int balanced_label(uint64_t seed, uint8_t purpose, uint32_t clip, int classes) {
    const auto n = static_cast<uint32_t>(classes);
    CounterRandom random(seed, {purpose, 0, clip / n, kLabelPart, 0});
    return draw_order(random, classes, classes)[clip % n];
}

std::vector<int> draw_subset(CounterRandom &random, int count, int n) {
    std::vector<int> chosen = draw_order(random, count, n);
    std::sort(chosen.begin(), chosen.end());
    return chosen;
}

Colour draw_colour(CounterRandom &random, double low, double high) {
    Colour colour;
    for (double &channel : colour)
        channel = random.uniform(low, high);
    return colour;
}

RgbFrame noisy_frame(const Picture &picture, double sigma, CounterRandom &random) {
    RgbFrame frame{picture.side, picture.side, {}};
    frame.data.reserve(3 * picture.pixels.size());
    Noise noise(sigma, random);
    for (const Colour &pixel : picture.pixels) {
        for (const double channel : pixel) {
            const double value = std::clamp(channel + noise.next(), 0.0, 1.0);
            frame.data.push_back(static_cast<uint8_t>(std::lround(255 * value)));
        }
    }
    return frame;
}

RgbFrame enlarged(const RgbFrame &frame, int factor) {
    RgbFrame result{frame.width * factor, frame.height * factor, {}};
    result.data.resize(size_t(3) * result.width * result.height);
    uint8_t *to = result.data.data();
    for (int y = 0; y < result.height; ++y) {
        const uint8_t *row = frame.data.data() + size_t(3) * frame.width * (y / factor);
        for (int x = 0; x < result.width; ++x, to += 3)
            std::copy_n(row + 3 * (x / factor), 3, to);
    }
    return result;
}

} // namespace afnet
