// Constraints that generators put on their buffers. Activations are [c, x, y, f], innermost first: NHWC in PyTorch's
// words, with f = t + T n the flat frame, t the frame within its clip and n the clip.
#pragma once

#include "Halide.h"

namespace afnet::generators {

/// A buffer whose frames start at 0, with dense channels of any number.
template <class Buffer>
void frames_from_zero(Buffer &buffer) {
    for (int d = 0; d < buffer.dimensions(); d++) buffer.dim(d).set_min(0);
}

/// sources(kind, s): the flat frame that listed frame s reads as itself (0), as its next (1) or previous (2) frame.
template <class Sources>
void work_list(Sources &sources) {
    sources.dim(0).set_bounds(0, 3);
    sources.dim(1).set_min(0).set_stride(3);
}

/// A source frame, kept within the buffer whatever the list holds.
template <class Sources, class Buffer>
Halide::Expr source_frame(Sources &sources, Halide::Expr kind, Halide::Expr s, Buffer &frames) {
    return Halide::clamp(sources(kind, s), 0, frames.dim(frames.dimensions() - 1).extent() - 1);
}

}  // namespace afnet::generators
