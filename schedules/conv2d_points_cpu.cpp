// Convolution at listed points on CPUs. A task takes some register tiles of points; what a tile reads is copied into
// scratch that stays in the first-level cache, so that the inner loop is that of a dense convolution whatever the list.
// The last tile may have fewer points: sums of what its scratch holds beyond them are not stored.
#include "schedules/conv2d_points_schedule.h"

namespace afnet::schedules {

using namespace Halide;

int conv2d_points_co_block(const Conv2dPointsKnobs &knobs, int channels, const Target &target) {
    const int lanes = cpu_facts(target).lanes;
    return knobs.co_block.resolve(channels > lanes ? 2 * lanes : lanes);
}

namespace {

// Fewer points than registers hold where their copies would share one set of the first-level cache (1024 to 256
// channels took 3.9 ms with 14 points, 3.1 with 7), and where that cache also has to take the lines of the next tile
// (256 to 64 channels, with prefetches: 2.6 and 2.2 ms).
int points_per_tile(const Conv2dPointsStages &s, const Conv2dPointsKnobs &knobs, int co_block, const CpuFacts &cpu) {
    constexpr int kFewPoints = 7;
    const int points = conv2d_register_columns(co_block / std::min(cpu.lanes, co_block), cpu);
    return knobs.tile_x.resolve(s.gathers ? std::min(points, kFewPoints) : conv2d_cached_columns(points, s.point_bytes));
}

} // namespace

std::unique_ptr<PrefetchPoints> conv2d_points_prefetches(const Conv2dPointsStages &s, const Conv2dPointsKnobs &knobs,
                                                         int co_block, const Target &target) {
    constexpr int kNever = 1, kOfLong = 2, kLeastBytes = 4 << 20;
    if (!s.gathers && !s.adds) return nullptr;
    const int which = knobs.prefetch.resolve(kOfLong);
    if (which == kNever) return nullptr;
    PointPrefetches wanted;
    if (s.gathers) {
        wanted.read = s.read.name();
        wanted.ahead = points_per_tile(s, knobs, co_block, cpu_facts(target));
    }
    if (s.adds) wanted.sum = s.sum.name();
    if (which == kOfLong) wanted.least_points = kLeastBytes / (s.gathers ? s.point_bytes : s.added_bytes);
    return std::make_unique<PrefetchPoints>(wanted);
}

void schedule_cpu(Conv2dPointsStages s, const Conv2dPointsKnobs &knobs, int co_block, const Target &target) {
    const CpuFacts cpu = cpu_facts(target);
    const int lanes = std::min(cpu.lanes, co_block);
    const int points = points_per_tile(s, knobs, co_block, cpu);
    const int tiles = knobs.tiles.resolve(s.gathers ? 8 : 4); // about as many points either way

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
        .vectorize(s.i, cpu.lanes, TailStrategy::GuardWithIf)
        .unroll(s.e);
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
