// A task gates a few rows into a scratch that stays in the second-level cache, then runs over it with register tiles of
// output channels by pixels.
#include "schedules/gated_projection_schedule.h"

#include "schedules/conv2d_schedule.h"
#include "schedules/cpu.h"

namespace afnet::schedules {

using namespace Halide;

namespace {

// Every pixel is stored once, because the residual may be the output: `columns` must divide the width.
void tile_stage(Stage stage, const GatedProjectionStages &s, int co_block, int lanes, int rows, int columns) {
    Var block("block"), ci("ci"), xo("xo"), xi("xi"), strip("strip"), row("row");
    const TailStrategy tail = s.channels % co_block == 0 ? TailStrategy::RoundUp : TailStrategy::GuardWithIf;
    stage.split(s.c, block, ci, co_block, tail)
        .split(s.x, xo, xi, columns, TailStrategy::RoundUp)
        .split(s.y, strip, row, rows, TailStrategy::GuardWithIf)
        .reorder({ci, xi, block, xo, row, s.g, strip, s.f})
        .vectorize(ci, lanes, TailStrategy::GuardWithIf)
        .unroll(ci)
        .unroll(xi);
    const VarOrRVar task = s.f.is_rvar ? VarOrRVar(RVar("task")) : VarOrRVar(Var("task"));
    stage.fuse(strip, s.f, task).parallel(task);
}

} // namespace

int gated_projection_co_block(const GatedProjectionKnobs &knobs, int channels, const Target &target) {
    const int lanes = cpu_facts(target).lanes;
    // One vector per broadcast element is bound by loads: two are quicker even where the last block is half empty.
    return knobs.co_block.resolve(channels > lanes ? 2 * lanes : lanes);
}

void schedule_cpu(GatedProjectionStages s, const GatedProjectionKnobs &knobs, int co_block, const Target &target) {
    const CpuFacts cpu = cpu_facts(target);
    const int lanes = std::min(cpu.lanes, co_block), vectors = co_block / lanes;
    const int widest = knobs.tile_x.resolve(conv2d_register_columns(vectors, cpu)), rows = knobs.rows.resolve(4);
    std::vector<int> widths;
    for (const int columns : {widest, 7, 4, 2}) {
        const bool narrower = widths.empty() ? columns > 1 : columns * 3 <= widths.back() * 2;
        if (columns > widest || !narrower) continue;
        widths.push_back(columns);
        tile_stage(s.store.specialize(s.width % columns == 0), s, co_block, lanes, rows, columns);
    }
    tile_stage(s.store, s, co_block, lanes, rows, 1);

    s.gated.compute_at(s.output, s.g).vectorize(s.i, cpu.lanes, TailStrategy::GuardWithIf);
    s.sum.compute_at(s.output, Var("block"))
        .bound_extent(s.c, co_block)
        .vectorize(s.c, lanes, TailStrategy::RoundUp)
        .unroll(s.c)
        .unroll(s.x);
    s.sum.update()
        .reorder({s.c, s.x, s.r.x, s.g, s.y})
        .vectorize(s.c, lanes, TailStrategy::RoundUp)
        .unroll(s.c)
        .unroll(s.x);
}

} // namespace afnet::schedules
