// A task computes a strip of convolution rows, all columns, and pools it while it is in cache; neighbouring strips
// compute the row between them twice. By tiles, the clip's rows are transformed as the strip's rows of the convolution
// come to need them; a register tile is one product of some tiles, and all products of those are transformed back at
// once.
#include "schedules/stem_schedule.h"

#include "schedules/cpu.h"

namespace afnet::schedules {

using namespace Halide;

int stem_co_block(const StemKnobs &knobs, int channels, bool in_tiles, const Target &target) {
    const CpuFacts cpu = cpu_facts(target);
    // Products of tiles lie in the first-level cache until they are transformed back: 14 tiles of one vector of AVX-512
    // took 7.7 ms, 7 of two 8.0.
    const int vectors = cpu.registers == 32 ? (cpu.lanes == 4 ? 4 : in_tiles ? 1 : 2) : 2, wide = vectors * cpu.lanes;
    return knobs.co_block.resolve(channels % wide == 0 ? wide : cpu.lanes);
}

namespace {

// Strips of pooled rows as tasks; returns the loop over them.
Var pool_in_strips(Func output, const Var &c, const Var &x, const Var &y, const Var &f, int rows, int lanes) {
    Var yo("yo"), yi("yi");
    output.split(y, yo, yi, rows, TailStrategy::GuardWithIf)
        .reorder(c, x, yi, yo, f)
        .vectorize(c, lanes, TailStrategy::GuardWithIf)
        .parallel(yo)
        .parallel(f);
    return yo;
}

} // namespace

void schedule_cpu(StemTileStages s, const StemKnobs &knobs, int co_block, const Target &target) {
    const CpuFacts cpu = cpu_facts(target);
    const int lanes = std::min(cpu.lanes, co_block), vectors = co_block / lanes;
    const int tiles = knobs.tile_x.resolve(vectors == 1 && cpu.registers == 32 ? 14 : 4);
    const Var yo = pool_in_strips(s.output, s.c, s.x, s.y, s.f, knobs.rows.resolve(14), lanes);
    Var co("co"), ci("ci"), column("column"), to("to");
    s.conv.compute_at(s.output, yo)
        .align_bounds(s.x, s.outputs)
        .split(s.c, co, ci, co_block, TailStrategy::RoundUp)
        .split(s.x, s.t, column, s.outputs, TailStrategy::RoundUp)
        .split(s.t, to, s.t, tiles, TailStrategy::RoundUp)
        .reorder(ci, column, s.t, to, co, s.y)
        .vectorize(ci, lanes)
        .unroll(ci)
        .unroll(column);
    s.products.compute_at(s.conv, to)
        .store_in(MemoryType::Stack)
        .bound_extent(s.c, co_block)
        .bound_extent(s.t, tiles)
        .bound(s.q, 0, s.count)
        .reorder(s.c, s.t, s.q)
        .vectorize(s.c, lanes, TailStrategy::RoundUp)
        .unroll(s.c)
        .unroll(s.t);
    s.sum.compute_at(s.products, s.q)
        .bound_extent(s.c, co_block)
        .vectorize(s.c, lanes, TailStrategy::RoundUp)
        .unroll(s.c)
        .unroll(s.t);
    s.sum.update()
        .reorder(s.c, s.t, s.r.x, s.r.y, s.q)
        .vectorize(s.c, lanes, TailStrategy::RoundUp)
        .unroll(s.c)
        .unroll(s.t)
        .unroll(s.r.x);
    const Var i = s.points.args()[0];
    s.points.store_at(s.output, yo)
        .compute_at(s.conv, s.y)
        .bound(i, 0, 3)
        .bound(s.q, 0, s.count)
        .reorder(i, s.q, s.t, s.y)
        .vectorize(i)
        .unroll(s.q);
}

void schedule_cpu(StemStages s, const StemKnobs &knobs, int co_block, const Target &target) {
    const CpuFacts cpu = cpu_facts(target);
    const int lanes = std::min(cpu.lanes, co_block), vectors = co_block / lanes;
    const int columns = knobs.tile_x.resolve(cpu.registers == 32 ? (vectors >= 4 ? 6 : 7) : 6);
    const Var yo = pool_in_strips(s.output, s.c, s.x, s.y, s.f, knobs.rows.resolve(14), lanes);
    Var co("co"), ci("ci"), xo("xo"), xi("xi");
    s.conv.compute_at(s.output, yo)
        .split(s.c, co, ci, co_block, TailStrategy::RoundUp)
        .split(s.x, xo, xi, columns, TailStrategy::ShiftInwards)
        .reorder(ci, xi, xo, s.y, co)
        .vectorize(ci, lanes)
        .unroll(ci)
        .unroll(xi);
    s.sum.compute_at(s.conv, xo)
        .bound_extent(s.c, co_block)
        .vectorize(s.c, lanes, TailStrategy::RoundUp)
        .unroll(s.c)
        .unroll(s.x);
    if (s.paired) {
        const RVar pairs("pairs"), both("both");
        s.pixels.compute_at(s.output, yo).vectorize(s.pixels.args()[0], cpu.lanes, TailStrategy::RoundUp);
        s.sum.update().split(s.r.x, pairs, both, 2).reorder(both, s.c).atomic().vectorize(both);
        s.sum.update().reorder({s.c, s.x, pairs, s.r.y, s.y});
    } else {
        s.sum.update().reorder({s.c, s.x, s.r.x, s.r.y, s.r.z, s.y});
    }
    s.sum.update().vectorize(s.c, lanes, TailStrategy::RoundUp).unroll(s.c).unroll(s.x);
}

} // namespace afnet::schedules
