#include "schedules/spatial_navigation_schedule.h"

#include <algorithm>

#include "schedules/cpu.h"

namespace afnet::schedules {

using namespace Halide;

void schedule_cpu(SpatialNavigationStages s, const Target &target) {
    const CpuFacts facts = cpu_facts(target);
    const int vectors = (s.outputs + facts.lanes - 1) / facts.lanes;
    // Registers beside the sums: a vector of weights and a pixel.
    const int pixels = std::max(1, (facts.registers - 3) / vectors);
    const Var o = s.taps.args()[0], x = s.taps.args()[1], y = s.taps.args()[2];
    Var block("block");
    const Var f = s.gate.args()[3];
    s.weights.compute_root()
        .bound(s.weights.args()[0], 0, vectors * facts.lanes)
        .vectorize(s.weights.args()[0], facts.lanes, TailStrategy::RoundUp);
    s.gate.compute_root().parallel(f);
    // Whole blocks of pixels, whose last repeats the row's end.
    s.taps.compute_at(s.gate, f)
        .bound(o, 0, vectors * facts.lanes)
        .split(x, x, block, pixels, TailStrategy::RoundUp)
        .reorder(o, block, x, y)
        .vectorize(o, facts.lanes, TailStrategy::RoundUp)
        .unroll(o)
        .unroll(block);
    const Var channel = s.sum.args()[0], pixel = s.sum.args()[1];
    s.sum.compute_at(s.taps, x).vectorize(channel, facts.lanes, TailStrategy::RoundUp).unroll(channel).unroll(pixel);
    s.sum.update()
        .reorder(channel, pixel, s.channel)
        .vectorize(channel, facts.lanes, TailStrategy::GuardWithIf)
        .unroll(channel)
        .unroll(pixel);
    const Var k = s.map.args()[0], hidden = s.pooled.args()[0];
    s.map.compute_at(s.gate, f).vectorize(k, 4, TailStrategy::GuardWithIf);
    s.pooled.compute_at(s.gate, f).vectorize(hidden, 4, TailStrategy::GuardWithIf);
    s.pooled.update().reorder(hidden, s.column, s.row).vectorize(hidden, 4, TailStrategy::GuardWithIf);
    s.mask.specialize(s.plain); // logarithms of all patches take longer than all else that is done with them
}

} // namespace afnet::schedules
