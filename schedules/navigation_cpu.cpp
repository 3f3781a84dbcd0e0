#include "schedules/navigation_schedule.h"

#include "schedules/cpu.h"

namespace afnet::schedules {

using namespace Halide;

void schedule_cpu(NavigationStages s, const Target &target) {
    // Two long dot products per frame: as many partial sums as a vector holds. No threads: microseconds in all.
    const int lanes = cpu_facts(target).lanes;
    RVar outer("outer"), inner("inner");
    Var lane("lane");
    s.projection.compute_root();
    Func partial = s.projection.update().split(s.channel, outer, inner, lanes, TailStrategy::GuardWithIf)
                       .rfactor(inner, lane);
    partial.compute_root().vectorize(lane).update().reorder(lane, outer).vectorize(lane);
    s.z.compute_root();
    s.gate.compute_root();
}

}  // namespace afnet::schedules
