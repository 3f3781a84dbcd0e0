// What counter-based random numbers are drawn for (RandomStream::purpose): one list, so that no two uses share a
// stream. A number that a release has used keeps its meaning, because draws follow from it.
#pragma once

#include <cstdint>

namespace afnet {

enum RandomUse : uint8_t {
    kMotionPairsDraw = 1, // sample: clip; layer: part of the draw (model/synthetic_clip.h); frame
    kKeyStripeDraw = 2,   // the same
};

} // namespace afnet
