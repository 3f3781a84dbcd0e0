#include "schedules/gpu.h"
#include "schedules/work_list_schedule.h"

namespace afnet::schedules {

using namespace Halide;

void schedule_gpu(WorkListGpuStages s) {
    RVar block("block"), lane("lane");
    s.sources.gpu_blocks(s.sources.args().back()); // undefined: no code, but no access by the host either
    s.sources.update()
        .split(s.frame, block, lane, kGpuWarp, TailStrategy::GuardWithIf)
        .reorder(s.kind, lane, block)
        .gpu_threads(lane)
        .gpu_blocks(block);
    s.rank.compute_at(s.sources, lane);
    Func of_list = s.total.clone_in(s.sources);
    of_list.compute_at(s.sources, lane);
    s.count.gpu_single_thread();
    s.total.compute_at(s.count, s.count.args()[0]);
}

} // namespace afnet::schedules
