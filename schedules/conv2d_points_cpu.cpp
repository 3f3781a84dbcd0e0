// Convolution at listed points on CPUs. A task takes some register tiles of points; what a tile reads is copied into
// scratch that stays in the first-level cache, so that the inner loop is that of a dense convolution whatever the list.
// The last tile reads its last point over and over, and stores only what there is.
#include "schedules/conv2d_points_schedule.h"

namespace afnet::schedules {

using namespace Halide;

int conv2d_points_co_block(const Conv2dPointsKnobs &knobs, int channels, const Target &target) {
    const int lanes = cpu_facts(target).lanes;
    return knobs.co_block.resolve(channels > lanes ? 2 * lanes : lanes);
}

void schedule_cpu(Conv2dPointsStages s, const Conv2dPointsKnobs &knobs, int co_block, const Target &target) {
    const CpuFacts cpu = cpu_facts(target);
    const int lanes = std::min(cpu.lanes, co_block);
    const int points = knobs.tile_x.resolve(conv2d_register_columns(co_block / lanes, cpu));
    const int tiles = knobs.tiles.resolve(4);

    Var block("block"), ci("ci");
    RVar tile("tile"), inner("inner"), task("task"), in_task("in_task");
    const TailStrategy tail = s.channels % co_block == 0 ? TailStrategy::RoundUp : TailStrategy::GuardWithIf;
    s.store.split(s.c, block, ci, co_block, tail)
        .split(s.point, tile, inner, points, TailStrategy::GuardWithIf)
        .split(tile, task, in_task, tiles, TailStrategy::GuardWithIf)
        .reorder({ci, inner, block, s.g, in_task, task})
        .vectorize(ci, lanes, TailStrategy::GuardWithIf)
        .unroll(ci)
        .unroll(inner)
        .parallel(task);

    s.read.compute_at(s.output, in_task)
        .reorder({s.i, s.e, s.g, s.u, s.v, s.p})
        .vectorize(s.i, cpu.lanes, TailStrategy::GuardWithIf);
    s.sum.compute_at(s.output, block)
        .bound_extent(s.c, co_block)
        .bound_extent(s.p, points)
        .vectorize(s.c, lanes, TailStrategy::RoundUp)
        .unroll(s.c)
        .unroll(s.p);
    s.sum.update()
        .reorder({s.c, s.p, s.r.x, s.r.y, s.r.z, s.r.w, s.g})
        .vectorize(s.c, lanes, TailStrategy::RoundUp)
        .unroll(s.c)
        .unroll(s.p);
}

} // namespace afnet::schedules
