// Two kernels: means over frames, a thread per class and clip; scores, a block per clip, in which one thread finds the
// largest logit and the sum of exponentials.
#include "schedules/consensus_schedule.h"
#include "schedules/gpu.h"

namespace afnet::schedules {

using namespace Halide;

void schedule_gpu(ConsensusGpuStages s) {
    Var block("block"), lane("lane");
    const auto classes = [&](Func output) {
        const Var k = output.args()[0], n = output.args()[1];
        output.split(k, block, lane, 2 * kGpuWarp, TailStrategy::GuardWithIf)
            .reorder(lane, block, n)
            .gpu_threads(lane)
            .gpu_blocks(block, n);
    };
    s.clip_logits.compute_root();
    classes(s.clip_logits);
    s.mean.compute_at(s.clip_logits, lane);
    classes(s.probabilities);
    for (Func stage : {s.largest, s.total})
        stage.compute_at(s.probabilities, block);
}

} // namespace afnet::schedules
