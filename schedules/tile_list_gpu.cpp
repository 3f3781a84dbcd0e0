#include <vector>

#include "schedules/gpu.h"
#include "schedules/tile_list_schedule.h"

namespace afnet::schedules {

using namespace Halide;

namespace {

void schedule_pass(TileListGpuStages::Pass pass, std::vector<VarOrRVar> inner) {
    RVar block("block"), lane("lane");
    pass.output.gpu_blocks(pass.output.args().back()); // undefined: no code, but no access by the host either
    std::vector<VarOrRVar> order = inner;
    order.insert(order.end(), {lane, block, pass.tiles.y, pass.tiles.z});
    Stage store = pass.output.update();
    store.split(pass.tiles.x, block, lane, kGpuWarp, TailStrategy::GuardWithIf)
        .reorder(order)
        .gpu_threads(lane)
        .gpu_blocks(block, pass.tiles.y, pass.tiles.z);
    for (const VarOrRVar &loop : inner)
        store.unroll(loop);
    for (Func counted : {pass.in_frames, pass.in_row})
        counted.compute_at(pass.output, lane);
}

} // namespace

void schedule_gpu(TileListGpuStages s) {
    constexpr int kLines = 2 * kGpuWarp;
    const Var line = s.line_starts.args()[0], frame = s.line_starts.args()[1];
    Var chunk("chunk"), lane("lane");
    s.line_starts.split(line, chunk, lane, kLines, TailStrategy::GuardWithIf).gpu_threads(lane).gpu_blocks(frame);
    s.in_lines.compute_at(s.line_starts, lane);
    const Var y = s.in_line.args()[0];
    s.in_line.compute_at(s.line_starts, frame).split(y, chunk, lane, kLines).gpu_threads(lane);
    s.in_line.update().split(y, chunk, lane, kLines).gpu_threads(lane);

    schedule_pass(s.list, {s.entry});
    schedule_pass(s.slots, {});
    s.count.gpu_single_thread();
    s.total.compute_at(s.count, s.count.args()[0]);
}

} // namespace afnet::schedules
