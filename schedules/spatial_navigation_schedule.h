// Schedule of the spatial navigation.
#pragma once

#include <vector>

#include "Halide.h"

namespace afnet::schedules {

/// sum(o, x, y, f) sums over `channel` products with weights(o, c), which are 0 behind the first `outputs` of o;
/// taps(o, x, y, f) keeps it; map(k, x, y, f) adds taps up; pooled(k, i, j, f) averages them over columns and rows;
/// gate(q, i, j, f) follows from a patch's averages, and the outputs from it; mask(i, j, f) does without noise where
/// `plain` holds.
struct SpatialNavigationStages {
    Halide::Func weights;
    Halide::Func sum;
    Halide::RVar channel;
    Halide::Func taps;
    int outputs;
    Halide::Func map, pooled;
    Halide::RVar column, row;
    Halide::Func gate, mask;
    Halide::Expr plain;
};

/// On GPUs: sum(k, x, y, f) sums over channel, column and row; features(k, x, y, f), with k from 0 to `hidden`, keeps
/// it; pooled(k, i, j, f) averages it over columns and rows; logits(q, i, j, f) and mask(i, j, f) follow.
struct SpatialNavigationGpuStages {
    Halide::Func sum;
    std::vector<Halide::RVar> reduction; // channel, column, row
    Halide::Func features;
    int hidden;
    Halide::Func pooled;
    Halide::RVar column, row;
    Halide::Func logits, mask;
};

/// Three launches: the map, the patches' logits, the mask.
void schedule_gpu(SpatialNavigationGpuStages stages);

/// A task is a frame. A few pixels' sums stay in registers over all channels.
void schedule_cpu(SpatialNavigationStages stages, const Halide::Target &target);

} // namespace afnet::schedules
