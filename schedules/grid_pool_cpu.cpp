#include "schedules/grid_pool_schedule.h"

#include "schedules/cpu.h"
#include "schedules/elementwise_schedule.h"

namespace afnet::schedules {

using namespace Halide;

void schedule_cpu(GridSums s, const Target &target) {
    const int lanes = cpu_facts(target).lanes;
    const std::vector<Var> v = s.output.args();
    const Var channel = s.sum.args()[0];
    schedule_cpu(ElementwiseLoops{s.output, v[0], {v[1]}, {v[2], v[3]}}, target);
    std::vector<VarOrRVar> order = {channel};
    order.insert(order.end(), s.reduction.begin(), s.reduction.end());
    s.sum.compute_at(s.output, v[1]).vectorize(channel, lanes, TailStrategy::GuardWithIf);
    s.sum.update().reorder(order).vectorize(channel, lanes, TailStrategy::GuardWithIf);
}

} // namespace afnet::schedules
