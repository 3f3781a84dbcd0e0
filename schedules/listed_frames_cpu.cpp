#include "schedules/listed_frames_schedule.h"

#include "schedules/cpu.h"

namespace afnet::schedules {

using namespace Halide;

void schedule_cpu(ListedUpdates s, const Target &target) {
    const Var x = s.updated.args()[1], y = s.updated.args()[2];
    for (size_t i = 0; i < s.terms.size(); i++) {
        const RVar channel = s.terms[i].x, listed = s.terms[i].y;
        s.updated.update(int(i))
            .allow_race_conditions() // a list names each frame once
            .reorder(channel, x, y, listed)
            .vectorize(channel, cpu_facts(target).lanes, TailStrategy::GuardWithIf)
            .parallel(y)
            .parallel(listed);
    }
}

} // namespace afnet::schedules
