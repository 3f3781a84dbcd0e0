#include "schedules/gpu.h"
#include "schedules/patch_schedule.h"

namespace afnet::schedules {

using namespace Halide;

void schedule_gpu_patch_table(Func table) {
    Var patch("patch"), block("block"), lane("lane");
    const std::vector<Var> v = table.args();
    table.fuse(v[0], v[1], patch)
        .split(patch, block, lane, kGpuWarp, TailStrategy::GuardWithIf)
        .gpu_threads(lane)
        .gpu_blocks(block, v[2], v[3]);
}

void schedule_gpu(PatchPixels loops) {
    constexpr int kPixels = 8;
    Var block("block"), lane("lane");
    RVar strip("strip"), pixel("pixel");
    loops.store.split(loops.c, block, lane, kGpuWarp, TailStrategy::GuardWithIf)
        .split(loops.r[1], strip, pixel, kPixels, TailStrategy::GuardWithIf)
        .reorder({lane, pixel, block, strip, loops.r[0], loops.r[2], loops.r[3], loops.r[4]})
        .gpu_threads(lane, pixel)
        .gpu_blocks(loops.r[2], loops.r[3], loops.r[4]);
}

} // namespace afnet::schedules
