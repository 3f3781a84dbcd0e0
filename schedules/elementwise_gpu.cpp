// A thread per element: threads along channels, then columns. Frames are the innermost blocks, so that a condition on
// the frame is one comparison around a block's threads.
#include "schedules/elementwise_schedule.h"
#include "schedules/gpu.h"
#include "schedules/knob.h"

namespace afnet::schedules {

using namespace Halide;

void schedule_gpu(ElementwiseLoops loops) {
    constexpr int kColumns = 8;
    require(loops.middle.size() == 1 && loops.tasks.size() == 2, "elementwise: on GPUs, for [c, x, y, f] only");
    Var block("block"), lane("lane"), strip("strip"), column("column"), tile("tile");
    const VarOrRVar x = loops.middle.front(), y = loops.tasks.front(), f = loops.tasks.back();
    loops.store.split(loops.c, block, lane, kGpuWarp, TailStrategy::GuardWithIf)
        .split(x, strip, column, kColumns, TailStrategy::GuardWithIf)
        .fuse(block, strip, tile)
        .reorder({lane, column, f, tile, y})
        .gpu_threads(lane, column)
        .gpu_blocks(f, tile, y);
}

} // namespace afnet::schedules
