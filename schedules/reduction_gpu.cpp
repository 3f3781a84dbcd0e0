// A block per frame and 32 channels: eight threads of a channel share the rows, and one adds their sums.
#include "schedules/gpu.h"
#include "schedules/reduction_schedule.h"

namespace afnet::schedules {

using namespace Halide;

void schedule_gpu(ChannelReduction s) {
    constexpr int kShares = 8;
    Var block("block"), lane("lane"), share("share");
    RVar turn("turn"), inner("inner");
    const RVar outermost = s.reduction.back();
    Func partial =
        s.sum.update().split(outermost, turn, inner, kShares, TailStrategy::GuardWithIf).rfactor(inner, share);
    s.output.split(s.c, block, lane, kGpuWarp, TailStrategy::GuardWithIf)
        .reorder(lane, block, s.f)
        .gpu_threads(lane)
        .gpu_blocks(block, s.f);
    partial.compute_at(s.output, block).bound_extent(s.c, kGpuWarp).gpu_threads(s.c, share);
    std::vector<VarOrRVar> order(s.reduction.begin(), s.reduction.end() - 1);
    order.insert(order.end(), {turn, s.c, share});
    partial.update().reorder(order).gpu_threads(s.c, share);
    s.sum.compute_at(s.output, lane);
    s.sum.update().unroll(inner);
    if (s.constant.defined()) s.constant.compute_at(s.output, lane);
}

} // namespace afnet::schedules
