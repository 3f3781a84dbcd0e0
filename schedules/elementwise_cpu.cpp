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

void schedule_cpu(JointOutputs joint, const Target &target) {
    for (Func output : joint.outputs)
        schedule_cpu(ElementwiseLoops{output, joint.c, {joint.x}, {joint.y, joint.f}}, target);
    const Func &first = joint.outputs.front();
    for (size_t i = 1; i < joint.outputs.size(); i++)
        joint.outputs[i].compute_with(first, joint.x);
    joint.values.compute_at(first, joint.x)
        .vectorize(joint.values.args()[0], cpu_facts(target).lanes, TailStrategy::GuardWithIf);
}

void schedule_channel_constants(const std::vector<Func> &constants, const Target &target) {
    for (Func constant : constants)
        constant.compute_root().vectorize(constant.args()[0], cpu_facts(target).lanes, TailStrategy::GuardWithIf);
}

}  // namespace afnet::schedules
