// A product of matrices as conv2d_gpu.cpp's, whose threads gate each input as they read it. They take twice as many
// channels and half as many pixels: what one thread gates, no other can use, so it should serve more products.
#include "schedules/gated_projection_schedule.h"
#include "schedules/gpu.h"

namespace afnet::schedules {

using namespace Halide;

namespace {

constexpr int kVectors = 2;

} // namespace

int gated_projection_gpu_co_block(const GatedProjectionKnobs &knobs, int channels) {
    return block_channels(knobs.co_block, channels);
}

GatedProjectionGpuTile gated_projection_gpu_tile(const GatedProjectionKnobs &knobs, int channels, int co_block) {
    const int vectors = channels % (kVectors * kGpuVector) == 0 ? kVectors : 1;
    return {vectors, knobs.tile_x.resolve(4),
            knobs.threads.resolve(kGpuBlockThreads) / (co_block / (vectors * kGpuVector))};
}

void schedule_gpu(GatedProjectionGpuStages s, int co_block) {
    const int thread_channels = s.tile.vectors * kGpuVector;
    Var block("block"), in_block("in_block"), lane("lane"), ci("ci"), cv("cv"), vector("vector");
    // The undefined value makes no code, but counts as the host's access to memory that it does not have.
    s.output.gpu_blocks(s.output.args().back());
    s.store.split(s.c, block, in_block, co_block, TailStrategy::GuardWithIf)
        .split(in_block, lane, ci, thread_channels, TailStrategy::GuardWithIf)
        .split(ci, vector, cv, kGpuVector, TailStrategy::GuardWithIf)
        .reorder({cv, vector, s.pixel.x, lane, s.pixel.y, s.pixel.z, block, s.g})
        .unroll(vector)
        .unroll(s.pixel.x)
        .gpu_threads(lane, s.pixel.y)
        .gpu_blocks(s.pixel.z, block, s.g);
    // Part of a vector cannot be stored at once: OpenCL C has no masks.
    s.channels % kGpuVector == 0 ? s.store.vectorize(cv) : s.store.unroll(cv);
    s.place.compute_at(s.output, lane).bound_extent(s.q, s.tile.pixels).unroll(s.q);
    s.sum.compute_at(s.output, lane)
        .bound_extent(s.c, thread_channels)
        .bound_extent(s.q, s.tile.pixels)
        .vectorize(s.c, kGpuVector, TailStrategy::RoundUp)
        .unroll(s.c)
        .unroll(s.q);
    if (s.in_channels % kGpuVector != 0) {
        s.sum.update()
            .reorder({s.c, s.q, s.r.x, s.g})
            .vectorize(s.c, kGpuVector, TailStrategy::RoundUp)
            .unroll(s.c)
            .unroll(s.q);
        s.gated.compute_at(s.sum, s.r.x).bound_extent(s.q, s.tile.pixels).unroll(s.q);
        return;
    }
    const RVar vectors("vectors"), element("element");
    s.sum.update()
        .split(s.r.x, vectors, element, kGpuVector)
        .reorder({s.c, s.q, element, vectors, s.g})
        .vectorize(s.c, kGpuVector, TailStrategy::RoundUp)
        .unroll(s.c)
        .unroll(s.q)
        .unroll(element);
    s.gated.compute_at(s.sum, vectors)
        .bound_extent(s.i, kGpuVector)
        .bound_extent(s.q, s.tile.pixels)
        .vectorize(s.i)
        .unroll(s.q);
}

} // namespace afnet::schedules
