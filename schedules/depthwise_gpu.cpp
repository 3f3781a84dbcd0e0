// A thread keeps four channels of a few rows of a column in registers; neighbouring threads take neighbouring channels,
// then columns. What they read twice comes from the first-level cache.
#include "schedules/depthwise_schedule.h"
#include "schedules/gpu.h"

namespace afnet::schedules {

using namespace Halide;

namespace {

// The most threads along channels, up to eight vectors, that all have some to do.
int lanes_along(int vectors) {
    int lanes = std::min(vectors, 8);
    while (vectors % lanes != 0)
        lanes--;
    return lanes;
}

} // namespace

void schedule_gpu(DepthwiseStages s, const DepthwiseKnobs &knobs) {
    const bool whole = s.channels % kGpuVector == 0;
    const int vector = whole ? kGpuVector : 1;
    const int lanes = whole ? lanes_along(s.channels / kGpuVector) : kGpuWarp;
    const int columns = knobs.threads.resolve(kGpuBlockThreads) / lanes, rows = knobs.rows.resolve(4);
    Var block("block"), in_block("in_block"), lane("lane"), cv("cv"), xo("xo"), xi("xi"), yo("yo"), yi("yi");
    Var tile("tile");
    s.output.split(s.c, block, in_block, vector * lanes, whole ? TailStrategy::RoundUp : TailStrategy::GuardWithIf)
        .split(in_block, lane, cv, vector, TailStrategy::RoundUp)
        .split(s.x, xo, xi, columns, TailStrategy::GuardWithIf)
        .split(s.y, yo, yi, rows, TailStrategy::GuardWithIf)
        .fuse(block, xo, tile)
        .reorder({cv, yi, lane, xi, s.f, tile, yo})
        .vectorize(cv)
        .unroll(yi)
        .gpu_threads(lane, xi)
        .gpu_blocks(s.f, tile, yo);
    s.sum.compute_at(s.output, lane).bound_extent(s.c, vector).bound_extent(s.y, rows).vectorize(s.c).unroll(s.y);
    s.sum.update().reorder(s.c, s.y, s.r.y, s.r.x).vectorize(s.c).unroll(s.y).unroll(s.r.y);
}

} // namespace afnet::schedules
