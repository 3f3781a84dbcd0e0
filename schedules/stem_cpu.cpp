// A task computes a strip of convolution rows, all columns, and pools it while it is in cache; neighbouring strips
// compute the row between them twice.
#include "schedules/stem_schedule.h"

#include "schedules/cpu.h"

namespace afnet::schedules {

using namespace Halide;

int stem_co_block(const StemKnobs &knobs, int channels, const Target &target) {
    const CpuFacts cpu = cpu_facts(target);
    const int wide = (cpu.registers == 32 && cpu.lanes == 4 ? 4 : 2) * cpu.lanes;
    return knobs.co_block.resolve(channels % wide == 0 ? wide : cpu.lanes);
}

void schedule_cpu(StemStages s, const StemKnobs &knobs, int co_block, const Target &target) {
    const CpuFacts cpu = cpu_facts(target);
    const int lanes = std::min(cpu.lanes, co_block), vectors = co_block / lanes;
    const int columns = knobs.tile_x.resolve(cpu.registers == 32 ? (vectors >= 4 ? 6 : 7) : 6);
    const int rows = knobs.rows.resolve(14);
    Var yo("yo"), yi("yi"), co("co"), ci("ci"), xo("xo"), xi("xi");
    s.output.split(s.y, yo, yi, rows, TailStrategy::GuardWithIf)
        .reorder(s.c, s.x, yi, yo, s.f)
        .vectorize(s.c, lanes, TailStrategy::GuardWithIf)
        .parallel(yo)
        .parallel(s.f);
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
