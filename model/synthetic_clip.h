// What the synthetic data sets share: clips with their truth, balanced labels, noise, and pictures in 8 bits.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "runtime/counter_random.h"
#include "runtime/rgb_frame.h"

namespace afnet {

/// A patch of a frame that shows the class, on the grid of its data set.
struct KeyPatch {
    int frame = 0, column = 0, row = 0;
};

/// One drawn clip.
struct SyntheticClip {
    int label = 0;
    std::vector<int> key_frames; // numbers of the frames that show the class, ascending; empty: no frame does alone
    std::vector<KeyPatch> key_patches; // where these show it, in data sets that draw on a grid; one for each key frame
    std::vector<RgbFrame> frames;      // [t], square, at the side that the data set is defined for
};

/// Parts of a clip's draw, each with streams of its own (RandomStream::layer).
enum DrawPart : uint32_t {
    kLabelPart = 0, // sample: which run of as many clips as there are classes
    kScenePart = 1, // what the clip or the frame shows
    kNoisePart = 2,
};

/// The label of clip number `clip`: every run of `classes` clips, counted from clip 0, has each label once, in an order
/// that follows from seed and run.
int balanced_label(uint64_t seed, uint8_t purpose, uint32_t clip, int classes);

/// `count` different numbers below `n`, ascending; every set is equally likely.
std::vector<int> draw_subset(CounterRandom &random, int count, int n);

/// Colour, or one pixel: red, green, blue in [0, 1].
using Colour = std::array<double, 3>;

/// Red, green and blue, in this order, each uniform in [low, high).
Colour draw_colour(CounterRandom &random, double low, double high);

/// A square picture [x, y] before noise, rows without gaps.
struct Picture {
    int side = 0;
    std::vector<Colour> pixels;
};

/// The picture with normal noise of deviation `sigma` added to each value, cut off at 0 and 1, times 255, rounded.
RgbFrame noisy_frame(const Picture &picture, double sigma, CounterRandom &random);

/// Every pixel as a square of `factor` x `factor` pixels.
RgbFrame enlarged(const RgbFrame &frame, int factor);

} // namespace afnet
