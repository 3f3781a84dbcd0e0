// Schedules on GPUs of what goes patch by patch: tables of patches, and updates of their pixels.
#pragma once

#include "Halide.h"

namespace afnet::schedules {

/// A table [gx, gy, ., .]: a thread per entry.
void schedule_gpu_patch_table(Halide::Func table);

/// The loops of an update of pixels: channel of a part, part, pixel of a patch's row, patch of a row, row, frame.
struct PatchPixels {
    Halide::Stage store;
    Halide::Var c;
    Halide::RDom r; // part, pixel, patch, row, frame
};

/// A block of threads takes up to eight pixels of a patch's row, and leaves at once where the patch has nothing to do.
void schedule_gpu(PatchPixels loops);

} // namespace afnet::schedules
