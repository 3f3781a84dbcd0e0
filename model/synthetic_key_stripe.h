// KeyStripe-AF: few frames of a clip show its class, and say so by their colour. docs/data-sets.md defines it.
#pragma once

#include "model/synthetic_stripes.h"

namespace afnet {

constexpr int kStripeSide = 48;

/// What a frame shows, before noise: a striped patch on a flat background.
struct StripeScene {
    bool key = false;    // warm colours and the clip's orientation; else cool ones and any orientation
    int orientation = 0; // stripes repeat in the direction of orientation * 45 degrees from x to y, which points down
    int x = 0, y = 0;    // the patch's first column and row
    double phase = 0;    // of the stripes, in periods
    Colour colour, ground;
};

/// A frame of a clip with this label.
StripeScene draw_stripe_scene(CounterRandom &random, bool key, int label);

Picture stripe_picture(const StripeScene &scene);

/// Clip number `clip` of the data set with this seed, of which `keys` frames, 1 to `frames`, are key frames.
SyntheticClip draw_key_stripe(uint64_t seed, uint32_t clip, int frames, int keys);

} // namespace afnet
