#include "schedules/tiles_schedule.h"

#include "schedules/cpu.h"

namespace afnet::schedules {

using namespace Halide;

namespace {

constexpr int kTaskPixels = 128; // tiles of a task hold about as many

Expr tiles_of_a_task(const Expr &side) {
    return max(kTaskPixels / (side * side), 1);
}

} // namespace

void schedule_cpu(TileLoops s, const Target &target) {
    const VarOrRVar task("task", s.n.is_rvar), tile("tile", s.n.is_rvar);
    s.store.split(s.n, task, tile, tiles_of_a_task(s.side), TailStrategy::GuardWithIf)
        .reorder({s.c, s.x, s.y, tile, task})
        .vectorize(s.c, cpu_facts(target).lanes, TailStrategy::GuardWithIf)
        .parallel(task);
}

void schedule_cpu(TileTotals s, const Target &target) {
    const int lanes = cpu_facts(target).lanes;
    const Var n = s.result.args()[0];
    Var task("task"), tile("tile");
    s.result.split(n, task, tile, tiles_of_a_task(s.side), TailStrategy::GuardWithIf).parallel(task);
    s.sum.compute_at(s.result, tile);
    const Var c = s.total.args()[0], channel = s.row_sum.args()[0];
    s.total.compute_at(s.result, tile).vectorize(c, lanes, TailStrategy::GuardWithIf);
    s.total.update().reorder(c, s.row).vectorize(c, lanes, TailStrategy::GuardWithIf);
    s.row_sum.compute_at(s.total, s.row).vectorize(channel, lanes, TailStrategy::GuardWithIf);
    s.row_sum.update().reorder(channel, s.column).vectorize(channel, lanes, TailStrategy::GuardWithIf);
}

void schedule_cpu(TilePartition s, const Target &) {
    const Var frame = s.rank.args()[2];
    s.rank.compute_root().parallel(frame);
    s.rank.update().parallel(frame);
    s.before.compute_root();
    for (Stage &list : s.lists) {
        list.reorder({s.entry, s.tiles.x, s.tiles.y, s.tiles.z}).unroll(s.entry).parallel(s.tiles.z);
    }
}

} // namespace afnet::schedules
