// A block per frame and 32 outputs: eight threads of an output share the inputs, and one adds their sums.
#include "schedules/gpu.h"
#include "schedules/linear_schedule.h"

namespace afnet::schedules {

using namespace Halide;

int linear_gpu_co_block(const LinearKnobs &knobs) {
    return knobs.co_block.resolve(kGpuWarp);
}

void schedule_gpu(LinearStages s, int co_block) {
    constexpr int kShares = 8;
    Var block("block"), lane("lane"), share("share");
    RVar turn("turn"), inner("inner");
    Func partial = s.sum.update().split(s.r.x, turn, inner, kShares, TailStrategy::GuardWithIf).rfactor(inner, share);
    s.output.split(s.k, block, lane, co_block, TailStrategy::GuardWithIf)
        .reorder(lane, block, s.f)
        .gpu_threads(lane)
        .gpu_blocks(block, s.f);
    partial.compute_at(s.output, block).bound_extent(s.k, co_block).gpu_threads(s.k, share);
    partial.update().reorder(turn, s.k, share).gpu_threads(s.k, share);
    s.sum.compute_at(s.output, lane);
    s.sum.update().unroll(inner);
}

} // namespace afnet::schedules
