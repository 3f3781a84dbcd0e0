#include "schedules/elementwise_schedule.h"

#include "schedules/cpu.h"

namespace afnet::schedules {

using namespace Halide;

void schedule_cpu(ElementwiseLoops loops, const Target &target) {
    std::vector<VarOrRVar> order = {loops.c};
    order.insert(order.end(), loops.middle.begin(), loops.middle.end());
    order.insert(order.end(), loops.tasks.begin(), loops.tasks.end());
    loops.store.reorder(order);
    for (const VarOrRVar &task : loops.tasks) loops.store.parallel(task);
    // GuardWithIf: an aliased input must not be read again after its place was stored.
    loops.store.vectorize(loops.c, cpu_facts(target).lanes, TailStrategy::GuardWithIf);
}

}  // namespace afnet::schedules
