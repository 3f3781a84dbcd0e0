// A block per frame: 32 threads share the channels of each dot product. The mask is a kernel of its own, a thread per
// frame.
#include "schedules/gpu.h"
#include "schedules/navigation_schedule.h"

namespace afnet::schedules {

using namespace Halide;

void schedule_gpu(NavigationGpuStages s) {
    RVar turn("turn"), inner("inner");
    Var share("share"), block("block"), lane("lane");
    const Var j = s.projection.args()[0], k = s.logits.args()[0], f = s.logits.args()[1];
    Func partial =
        s.projection.update().split(s.channel, turn, inner, kGpuWarp, TailStrategy::GuardWithIf).rfactor(inner, share);
    s.logits.compute_root().bound(k, 0, 2).gpu_threads(k).gpu_blocks(f);
    partial.compute_at(s.logits, f).bound(j, 0, 2).reorder(share, j).gpu_threads(share, j);
    partial.update().reorder(turn, share, j).gpu_threads(share, j);
    s.projection.compute_at(s.logits, f).gpu_threads(j);
    s.projection.update().reorder(inner, j).gpu_threads(j);
    s.z.compute_at(s.logits, f).gpu_threads(s.z.args()[0]);
    s.mask.split(s.mask.args()[0], block, lane, kGpuWarp, TailStrategy::GuardWithIf)
        .gpu_threads(lane)
        .gpu_blocks(block);
}

} // namespace afnet::schedules
