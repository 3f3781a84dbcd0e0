// A strip of output rows, one block of channels after the other: the block's expanded rows go into a scratch that stays
// in cache, and the depthwise convolution reads them from there. Both keep a register tile of channels by columns.
#include "schedules/expand_depthwise_schedule.h"

#include "schedules/conv2d_schedule.h"
#include "schedules/cpu.h"

namespace afnet::schedules {

using namespace Halide;

namespace {

constexpr int kRowsOfKernel = 1;

void schedule_expansion(const ExpandDepthwiseStages &s, ExpansionTiles tiles, int lanes) {
    Func expanded = s.expanded;
    const RVar column = tiles.tiles.x, tile = tiles.tiles.y;
    expanded.update(tiles.stage)
        .reorder({s.c, column, tile, s.g, s.y, s.f})
        .vectorize(s.c, lanes, TailStrategy::RoundUp)
        .unroll(s.c)
        .unroll(column);
    tiles.sum.compute_at(expanded, tile).vectorize(s.c, lanes, TailStrategy::RoundUp).unroll(s.c).unroll(s.x);
    for (int i = 0; i < int(tiles.reductions.size()); i++) {
        Stage update = tiles.sum.update(i);
        RVar channel = tiles.reductions[size_t(i)].x;
        if (tiles.pair > 1) {
            const RVar pairs("pairs"), both("both");
            update.split(channel, pairs, both, tiles.pair).reorder(both, s.c).atomic().vectorize(both);
            channel = pairs;
        }
        update.reorder({s.c, s.x, channel, s.g, s.y, s.f})
            .vectorize(s.c, lanes, TailStrategy::RoundUp)
            .unroll(s.c)
            .unroll(s.x);
    }
}

} // namespace

int expand_depthwise_co_block(const ExpandDepthwiseKnobs &knobs, int channels, const Target &target) {
    const CpuFacts cpu = cpu_facts(target);
    // One vector for each broadcast element is bound by loads: it must save more than a fifth of the work.
    const auto computed = [&](int block) { return (channels + block - 1) / block * block; };
    const int wide = 2 * cpu.lanes, narrow = cpu.lanes;
    return knobs.co_block.resolve(computed(wide) * 4 > computed(narrow) * 5 ? narrow : wide);
}

std::vector<int> expand_depthwise_tiles(const ExpandDepthwiseKnobs &knobs, int co_block, const Target &target) {
    const CpuFacts cpu = cpu_facts(target);
    const int lanes = std::min(cpu.lanes, co_block);
    const int widest = knobs.tile_x.resolve(conv2d_register_columns(co_block / lanes, cpu));
    std::vector<int> widths = {widest};
    for (int columns : {7, 4, 2, 1}) {
        if (columns * 2 <= widths.back() || (columns == 1 && widths.back() > 1)) widths.push_back(columns);
    }
    return widths;
}

void schedule_cpu(ExpandDepthwiseStages s, const ExpandDepthwiseKnobs &knobs, int co_block, const Target &target) {
    const CpuFacts cpu = cpu_facts(target);
    const int lanes = std::min(cpu.lanes, co_block);
    const int columns = knobs.depthwise_x.resolve(cpu.registers == 32 ? 7 : 4);
    const int rows = knobs.rows.resolve(28), scratch = knobs.scratch.resolve(kRowsOfKernel);
    Var block("block"), ci("ci"), vector("vector"), lane("lane"), xo("xo"), xi("xi"), strip("strip"), row("row");
    Var task("task");
    s.output.split(s.c, block, ci, co_block, TailStrategy::GuardWithIf)
        .split(ci, vector, lane, lanes, TailStrategy::RoundUp)
        .split(s.x, xo, xi, columns, TailStrategy::GuardWithIf)
        .split(s.y, strip, row, rows, TailStrategy::GuardWithIf)
        .reorder({lane, xi, vector, xo, row, block, s.g, strip, s.f})
        .vectorize(lane)
        .unroll(xi)
        .fuse(strip, s.f, task)
        .parallel(task);
    s.sum.compute_at(s.output, vector).bound_extent(s.c, lanes).bound_extent(s.x, columns).vectorize(s.c).unroll(s.x);
    s.sum.update().reorder({s.c, s.x, s.r.x, s.r.y, s.g, s.y, s.f}).vectorize(s.c).unroll(s.x).unroll(s.r.x);

    s.expanded.bound_extent(s.c, co_block);
    if (scratch == kRowsOfKernel) {
        s.expanded.store_at(s.output, block).compute_at(s.output, row);
    } else {
        s.expanded.compute_at(s.output, block);
    }
    for (int i = 0; i < int(s.zeroes.size()); i++) {
        s.expanded.update(i)
            .reorder({s.c, s.zeroes[size_t(i)].x, s.g, s.y, s.f})
            .vectorize(s.c, lanes, TailStrategy::RoundUp);
    }
    for (const ExpansionTiles &tiles : s.widths)
        schedule_expansion(s, tiles, lanes);
}

} // namespace afnet::schedules
