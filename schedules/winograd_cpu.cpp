// Winograd convolution on CPUs. A task transforms the inputs of some tiles, multiplies them point by point with the
// transformed weights, a matrix product per point, and transforms the outputs of some channels back at a time.
#include "schedules/conv2d_schedule.h"
#include "schedules/cpu.h"

namespace afnet::schedules {

using namespace Halide;

namespace {

// What a task is: the values of knob `order`. The third is for many weights and few tiles: they are read once.
enum Order {
    kTilesInTasks = 1,    // some tiles of one group, all output channels
    kChannelsInTasks = 3, // some output channels, all tiles; the input is transformed before
};

// With two vectors in 32 registers eight tiles keep the arithmetic busy, and divide the 16 tiles of a 14x14 map.
int default_register_tiles(int vectors, const CpuFacts &cpu) {
    return cpu.registers == 32 && vectors == 2 ? 8 : conv2d_register_columns(vectors, cpu);
}

// The largest number of channels up to `most` that divides `channels` and holds whole blocks.
int default_kept(int channels, int block, int most) {
    for (int kept = std::max(block, most / block * block); kept > block; kept -= block) {
        if (channels % kept == 0) return kept;
    }
    return block;
}

} // namespace

void schedule_cpu(WinogradStages s, const Conv2dKnobs &knobs, int co_block, const Target &target) {
    const CpuFacts cpu = cpu_facts(target);
    const int lanes = std::min(cpu.lanes, co_block);
    const int padded = (s.channels + co_block - 1) / co_block * co_block;
    const int together = knobs.tile_x.resolve(default_register_tiles(co_block / lanes, cpu));
    const int kept = knobs.kept.resolve(default_kept(padded, co_block, 64));
    require(kept % co_block == 0 && padded % kept == 0,
            "conv2d: the channels kept must be whole blocks, and divide the channels");
    // Tasks of equal size, of whole register tiles; one for each group, or two, where there are only a few tiles.
    const int wanted = knobs.tiles.resolve(32);
    const Expr tasks = max((s.tiles + wanted / 2) / wanted, min(s.tiles / 8, s.groups > 1 ? 1 : 2), 1);
    const Expr per_task = ((s.tiles + tasks - 1) / tasks + together - 1) / together * together;
    const int order = knobs.order.resolve(kTilesInTasks);
    require(order == kTilesInTasks || order == kChannelsInTasks, "conv2d: order 2 is for the direct algorithm");

    const int input_lanes = std::min(cpu.lanes, s.reduction_channels);
    Var co("co"), cv("cv"), task("task");
    RVar po("po"), pi("pi");
    Stage store = s.output.update();
    store.allow_race_conditions(); // tiles do not overlap
    store.split(s.c, co, s.c, kept, TailStrategy::GuardWithIf)
        .split(s.c, cv, s.c, lanes, TailStrategy::GuardWithIf)
        .split(s.store.z, po, pi, per_task, TailStrategy::GuardWithIf)
        .vectorize(s.c)
        .unroll(s.store.x)
        .unroll(s.store.y);
    const RVar fused("task");
    if (order == kTilesInTasks) {
        store.reorder({s.c, s.store.x, s.store.y, cv, pi, co, s.g, po}).fuse(s.g, po, fused).parallel(fused);
        s.products.compute_at(s.output, co);
        s.points.compute_at(s.output, fused);
        s.origin.compute_at(s.output, fused);
    } else {
        store.reorder({s.c, s.store.x, s.store.y, cv, pi, po, co, s.g}).fuse(co, s.g, task).parallel(task);
        s.products.compute_at(s.output, po);
        s.points.compute_root();
        s.origin.compute_root();
    }

    s.tile.compute_at(s.output, cv).vectorize(s.c, lanes, TailStrategy::RoundUp).unroll(s.x).unroll(s.y);
    s.rows.compute_at(s.output, cv).vectorize(s.c, lanes, TailStrategy::RoundUp).unroll(s.x).unroll(s.v);

    Var ci("ci"), cio("cio"), p_task("p_task");
    s.points.split(s.c, cio, ci, input_lanes, TailStrategy::GuardWithIf)
        .reorder({ci, s.u, s.v, cio, s.g, s.p})
        .vectorize(ci)
        .unroll(s.u)
        .unroll(s.v)
        .bound(s.u, 0, s.side)
        .bound(s.v, 0, s.side)
        .align_storage(s.c, s.reduction_channels + cpu.lanes);
    if (order == kChannelsInTasks) s.points.split(s.p, p_task, s.p, 4, TailStrategy::GuardWithIf).parallel(p_task);
    s.columns.compute_at(s.points, cio)
        .vectorize(s.c, input_lanes, TailStrategy::GuardWithIf)
        .unroll(s.u)
        .unroll(s.line);

    Var cb("cb"), pt("pt");
    s.products.bound_extent(s.c, kept)
        .align_storage(s.c, kept + cpu.lanes)
        .bound(s.u, 0, s.side)
        .bound(s.v, 0, s.side)
        .split(s.c, cb, s.c, co_block, TailStrategy::RoundUp)
        .split(s.p, pt, s.p, together, TailStrategy::RoundUp)
        .reorder({s.c, s.p, pt, cb, s.g, s.u, s.v})
        .vectorize(s.c, lanes, TailStrategy::RoundUp)
        .unroll(s.c)
        .unroll(s.p);
    s.sum.compute_at(s.products, pt)
        .bound_extent(s.c, co_block)
        .vectorize(s.c, lanes, TailStrategy::RoundUp)
        .unroll(s.c)
        .unroll(s.p);
    const RVar channel = s.pair > 1 ? conv2d_pairs(s.sum, s.r, s.c, s.pair) : RVar(s.r);
    s.sum.update()
        .reorder({s.c, s.p, channel, s.g, s.u, s.v})
        .vectorize(s.c, lanes, TailStrategy::RoundUp)
        .unroll(s.c)
        .unroll(s.p);
}

} // namespace afnet::schedules
