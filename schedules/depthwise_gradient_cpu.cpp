// One vector of channels sums its whole filter, or a row of it where registers are few, over all pixels of a part of
// the frames. The number of parts is fixed, so that the result does not depend on the number of threads.
#include "schedules/depthwise_gradient_schedule.h"

namespace afnet::schedules {

using namespace Halide;

void schedule_cpu(DepthwiseGradientStages s, const DepthwiseGradientKnobs &knobs, const Target &target) {
    const CpuFacts cpu = cpu_facts(target);
    int lanes = cpu.lanes * 32 / s.bits;
    while (lanes > s.channels)
        lanes /= 2;
    const int partials = knobs.partials.resolve(8);

    const std::vector<RVar> r = s.d_filters.rvars(0); // column, row, frame
    const RVar part("part"), frame("frame");
    const Var p("p"), co("co"), ci("ci");
    Stage whole = s.d_filters.update();
    whole.split(r[2], part, frame, (s.frames + partials - 1) / partials, TailStrategy::GuardWithIf);
    Func sums = whole.rfactor(part, p);
    Func parts = sums.in(s.d_filters);

    const std::vector<Var> a = parts.args(); // c, g, u, v, part
    const bool rows_too = s.kernel * s.kernel + 2 <= cpu.registers;
    parts.compute_root()
        .split(a[0], co, ci, lanes, TailStrategy::ShiftInwards)
        .reorder(ci, a[2], a[3], a[1], co, a[4])
        .vectorize(ci)
        .parallel(co)
        .parallel(a[4]);
    if (rows_too) {
        sums.compute_at(parts, co);
    } else {
        sums.compute_at(parts, a[3]);
    }
    const std::vector<Var> b = sums.args();
    const std::vector<RVar> pixel = sums.rvars(0); // column, row, frame
    sums.vectorize(b[0]).unroll(b[2]);
    sums.update().reorder({b[0], b[2], b[3], pixel.at(0), pixel.at(1), pixel.at(2)}).vectorize(b[0]).unroll(b[2]);
    if (rows_too) {
        sums.unroll(b[3]);
        sums.update().unroll(b[3]);
    }

    const Var c = s.d_filters.args()[0];
    s.d_weights.vectorize(s.c, lanes, TailStrategy::GuardWithIf);
    s.d_filters.compute_root().vectorize(c, lanes, TailStrategy::GuardWithIf);
    s.d_filters.update().vectorize(c, lanes, TailStrategy::GuardWithIf);
}

} // namespace afnet::schedules
