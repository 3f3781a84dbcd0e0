// MotionPairs-8: eight motions, of which each is the time reversal of another. docs/data-sets.md defines it.
#pragma once

#include "model/synthetic_clip.h"

namespace afnet {

constexpr int kMotionSide = 32;
constexpr int kMotionClasses = 8;

/// What a clip shows, whatever its label. Lengths are in pixels, angles in radians; y points down.
struct MotionScene {
    Colour colour, from, to; // of the shape; of the background where its gradient begins and ends
    int shape = 0;           // 0: disc, 1: square, 2: diamond
    double radius = 0;       // at the middle of the clip
    double path = 0;         // length of a straight motion
    double x = 0, y = 0;     // the path's middle; the centre of a shape that grows or shrinks
    double noise = 0;        // standard deviation, of values in [0, 1]
    double gradient = 0;     // direction of the background's gradient
    double phase = 0;        // of an orbit at the middle of the clip
};

MotionScene draw_motion_scene(CounterRandom &random);

/// Frame number `frame` of `frames`, at least 2, without noise. Labels 2k and 2k + 1 give the same pictures in opposite
/// order, bit for bit.
Picture motion_picture(const MotionScene &scene, int label, int frame, int frames);

/// Clip number `clip` of the data set with this seed.
SyntheticClip draw_motion_pairs(uint64_t seed, uint32_t clip, int frames);

} // namespace afnet
