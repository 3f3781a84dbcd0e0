#include "schedules/resize_schedule.h"

#include "schedules/cpu.h"

namespace afnet::schedules {

using namespace Halide;

void schedule_cpu(ResizeStages s, const Target &target) {
    const int lanes = cpu_facts(target).lanes;
    Var xo("xo"), xi("xi"), row("row");
    s.output.bound(s.c, 0, 3);
    if (s.vertical) {
        // Columns are independent: walk the taps once per block of columns, vectors along the row.
        s.output.split(s.x, xo, xi, 4 * lanes, TailStrategy::GuardWithIf)
            .reorder(s.c, xi, xo, s.y)
            .unroll(s.c)
            .parallel(s.y);
        s.sum.compute_at(s.output, xo).reorder(s.c, s.x).unroll(s.c).vectorize(s.x, lanes, TailStrategy::RoundUp);
        s.sum.update().reorder(s.c, s.x, s.tap, s.y).unroll(s.c).vectorize(s.x, lanes, TailStrategy::GuardWithIf);
    } else {
        s.output.reorder(s.c, s.x, s.y).unroll(s.c).parallel(s.y);
        s.sum.compute_at(s.output, s.x).unroll(s.c).update().reorder(s.c, s.tap).unroll(s.c);
    }
}

void schedule_cpu(PixelStages s, const Target &) {
    s.output.bound(s.c, 0, 3).reorder(s.c, s.x, s.y).unroll(s.c).parallel(s.y);
}

}  // namespace afnet::schedules
