#include "schedules/navigation_training_schedule.h"

#include "schedules/cpu.h"
#include "schedules/stored_stages_schedule.h"

namespace afnet::schedules {

using namespace Halide;

void schedule_cpu(NavigationForwardStages s, const Target &target) {
    // As many partial sums as a vector holds.
    const int lanes = cpu_facts(target).lanes;
    RVar outer("outer"), inner("inner");
    Var lane("lane");
    Func partial =
        s.projection.update().split(s.channel, outer, inner, lanes, TailStrategy::GuardWithIf).rfactor(inner, lane);
    schedule_cpu(StoredStages{s.outputs, {}}, target);
    partial.vectorize(lane).update().reorder(lane, outer).vectorize(lane);
}

void schedule_cpu(NavigationGradStages s, const Target &target) {
    const int lanes = cpu_facts(target).lanes;
    schedule_cpu(StoredStages{s.outputs, {}}, target);
    for (Func &stage : s.wide) {
        const Var channel = stage.args().front();
        stage.vectorize(channel, lanes, TailStrategy::GuardWithIf);
        for (int u = 0; u < stage.num_update_definitions(); u++) {
            stage.update(u).vectorize(channel, lanes, TailStrategy::GuardWithIf);
        }
    }
    s.d_pooled.vectorize(s.d_pooled.args().front(), lanes, TailStrategy::GuardWithIf);
}

} // namespace afnet::schedules
