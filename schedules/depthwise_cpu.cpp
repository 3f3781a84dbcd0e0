// One vector of channels by a few columns accumulates over the whole kernel; weights are read once per tile.
#include "schedules/depthwise_schedule.h"

#include "schedules/cpu.h"

namespace afnet::schedules {

using namespace Halide;

void schedule_cpu(DepthwiseStages s, const DepthwiseKnobs &knobs, const Target &target) {
    const CpuFacts cpu = cpu_facts(target);
    int lanes = cpu.lanes;
    while (lanes > s.channels) lanes /= 2;
    const int widest = knobs.tile_x.resolve(cpu.registers == 32 ? 7 : 4),
              rows = knobs.rows.resolve(s.shifted.defined() ? 14 : 4);
    Var co("co"), ci("ci"), xo("xo"), xi("xi"), yo("yo"), yi("yi");
    const auto tile = [&](Stage stage, int columns) {
        stage.split(s.c, co, ci, lanes, TailStrategy::ShiftInwards)
            .split(s.x, xo, xi, columns, TailStrategy::ShiftInwards)
            .split(s.y, yo, yi, rows, TailStrategy::GuardWithIf)
            .reorder(ci, xi, co, xo, yi, yo, s.f)
            .vectorize(ci)
            .unroll(xi)
            .parallel(yo)
            .parallel(s.f);
    };
    if (widest > 1) tile(s.output.specialize(s.width >= widest), widest);
    tile(Stage(s.output), 1);
    if (s.shifted.defined()) {
        // Each row is copied once per strip; the rows that a kernel covers stay in the first-level cache.
        s.shifted.store_at(s.output, yo).compute_at(s.output, yi).vectorize(s.c, lanes, TailStrategy::ShiftInwards);
    }
    s.sum.compute_at(s.output, co).vectorize(s.c).unroll(s.x);
    s.sum.update().reorder(s.c, s.x, s.r.x, s.r.y).vectorize(s.c).unroll(s.x).unroll(s.r.x);
}

}  // namespace afnet::schedules
