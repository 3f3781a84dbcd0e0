// What counter-based random numbers are drawn for (RandomStream::purpose): one list, so that no two uses share a
// stream. A number that a release has used keeps its meaning, because draws follow from it.
#pragma once

#include <cstdint>

namespace afnet {

enum RandomUse : uint8_t {
    kMotionPairsDraw = 1, // sample: clip; layer: part of the draw (model/synthetic_clip.h); frame
    kKeyStripeDraw = 2,   // the same
    kInitialWeights = 3,  // sample: hash of the parameter's key
    kGateNoise = 4,       // epoch: step; sample: clip of the batch; layer: focal block
    kDropout = 5,         // epoch: step; sample: clip of the batch
    kPatchNoise = 6,      // as kGateNoise, and frame: of the clip; two words per patch
    kPatchKeyDraw = 7,    // as kKeyStripeDraw
    kClipOrder = 10,      // epoch: the order of a list
    kSegmentOffset = 11,  // epoch; sample: place in the list; one word per segment
    kAugmentation = 12,   // the same: crop and flip
    kReplacement = 13,    // the same: what stands in for a clip that cannot be read
    kEvaluationNoise = 20, // sample: place in the list; layer: focal block; two words per frame
    kMaskDraw = 21,       // epoch; sample; layer: focal block, 65535 where all have one draw
    kMaskShuffle = 22,    // the same
    kEvaluationPatchNoise = 23, // as kEvaluationNoise, and frame: of the clip; two words per patch
    kPatchShapeDraw = 30, // as kMaskDraw, and frame
    kPatchShuffle = 31,   // the same
};

} // namespace afnet
