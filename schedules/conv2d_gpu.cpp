// Direct convolution on GPUs, as a product of matrices whose rows are the pixels of all frames: a thread keeps four
// output channels of a few pixels in registers over the whole reduction. Threads along channels read neighbouring
// weights; what they share, the inputs, comes from the first-level cache, four channels at a time. No barriers.
#include "schedules/conv2d_schedule.h"
#include "schedules/gpu.h"

namespace afnet::schedules {

using namespace Halide;

int conv2d_gpu_co_block(const Conv2dKnobs &knobs, int channels) {
    const int block = channels % 64 == 0 ? 64 : channels % 32 == 0 || channels > 64 ? 32 : 16;
    return knobs.co_block.resolve(block);
}

// Deep layers have small maps: their threads take fewer pixels, so that there are more blocks.
Conv2dGpuTile conv2d_gpu_tile(const Conv2dKnobs &knobs, int reduction_channels, int co_block) {
    require(co_block % kGpuVector == 0, "conv2d: on GPUs, blocks of output channels are multiples of 4");
    const int lanes = co_block / kGpuVector;
    return {knobs.tile_x.resolve(reduction_channels >= 256 ? 4 : 8),
            std::max(1, knobs.threads.resolve(kGpuBlockThreads) / lanes)};
}

void schedule_gpu(Conv2dGpuStages s, int co_block) {
    Var block("block"), in_block("in_block"), lane("lane"), cv("cv");
    // The undefined value makes no code, but counts as the host's access to memory that it does not have.
    Func output(s.output);
    output.gpu_blocks(output.args().back());
    s.store.split(s.c, block, in_block, co_block, TailStrategy::GuardWithIf)
        .split(in_block, lane, cv, kGpuVector, TailStrategy::GuardWithIf)
        .reorder({cv, s.pixel.x, lane, s.pixel.y, s.pixel.z, block, s.g})
        .unroll(s.pixel.x)
        .gpu_threads(lane, s.pixel.y)
        .gpu_blocks(s.pixel.z, block, s.g);
    // Part of a vector cannot be stored at once: OpenCL C has no masks.
    s.channels % kGpuVector == 0 ? s.store.vectorize(cv) : s.store.unroll(cv);
    s.place.compute_at(s.output, lane).bound_extent(s.q, s.tile.pixels).unroll(s.q);
    s.sum.compute_at(s.output, lane)
        .bound_extent(s.c, kGpuVector)
        .bound_extent(s.q, s.tile.pixels)
        .vectorize(s.c, kGpuVector, TailStrategy::RoundUp)
        .unroll(s.q);
    s.sum.update()
        .reorder({s.c, s.q, s.r.x, s.r.y, s.r.z, s.r.w, s.g})
        .vectorize(s.c, kGpuVector, TailStrategy::RoundUp);
    if (s.run % kGpuVector == 0) {
        const RVar vectors("vectors"), element("element");
        s.sum.update()
            .split(s.r.x, vectors, element, kGpuVector, TailStrategy::GuardWithIf)
            .reorder({s.c, s.q, element, vectors, s.r.y, s.r.z, s.r.w, s.g})
            .unroll(element);
        s.read.compute_at(s.sum, vectors)
            .bound_extent(s.i, kGpuVector)
            .bound_extent(s.q, s.tile.pixels)
            .vectorize(s.i)
            .unroll(s.q);
    }
    s.sum.update().unroll(s.q);
}

} // namespace afnet::schedules
