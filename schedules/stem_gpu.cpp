// A block computes 9 x 9 values of the convolution of up to 32 channels into shared memory, and pools them to 4 x 4. A
// thread keeps a column of nine sums. Neighbouring blocks compute the row and the column between them twice.
#include "schedules/gpu.h"
#include "schedules/stem_schedule.h"

namespace afnet::schedules {

using namespace Halide;

int stem_gpu_co_block(const StemKnobs &knobs, int channels) {
    return knobs.co_block.resolve(channels % kGpuWarp == 0 ? kGpuWarp : 16);
}

void schedule_gpu(StemStages s, int co_block) {
    constexpr int kPooled = 4, kSide = 2 * kPooled + 1;
    Var block("block"), lane("lane"), xo("xo"), xi("xi"), yo("yo"), yi("yi"), tile("tile");
    s.output.split(s.c, block, lane, co_block, TailStrategy::GuardWithIf)
        .split(s.x, xo, xi, kPooled, TailStrategy::GuardWithIf)
        .split(s.y, yo, yi, kPooled, TailStrategy::GuardWithIf)
        .fuse(block, xo, tile)
        .reorder(yi, lane, xi, tile, yo, s.f)
        .gpu_threads(lane, xi)
        .gpu_blocks(tile, yo, s.f);
    s.conv.compute_at(s.output, tile)
        .bound_extent(s.c, co_block)
        .bound_extent(s.x, kSide)
        .bound_extent(s.y, kSide)
        .reorder(s.y, s.c, s.x)
        .unroll(s.y)
        .gpu_threads(s.c, s.x);
    s.sum.compute_at(s.conv, s.c).bound_extent(s.y, kSide).unroll(s.y);
    s.sum.update().reorder(s.y, s.r.x, s.r.y, s.r.z, s.c, s.x).unroll(s.y);
}

} // namespace afnet::schedules
