// A plain reader of KeyStripe frames, without a network: which frames are key frames, and what they show.
#pragma once

#include "runtime/rgb_frame.h"

namespace afnet_test {

/// Whether what is coloured most is red rather than blue.
bool looks_like_key(const afnet::RgbFrame &frame);

/// The orientation, 0 to 3, whose wave of the stripes' period fits best.
int read_orientation(const afnet::RgbFrame &frame);

} // namespace afnet_test
