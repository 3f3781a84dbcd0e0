#include "schedules/parameter_schedule.h"

#include "schedules/cpu.h"

namespace afnet::schedules {

using namespace Halide;

namespace {

constexpr int kBlock = 2048; // of all tensors of a step, the first-level cache holds as much

} // namespace

void schedule_cpu(ParameterLoops loops, const Target &target) {
    const int lanes = cpu_facts(target).lanes;
    Var block("block"), inner("inner");
    for (Func output : loops.outputs) {
        // GuardWithIf: an aliased input must not be read again after its place was stored.
        output.split(loops.i, block, inner, kBlock, TailStrategy::GuardWithIf)
            .parallel(block)
            .vectorize(inner, lanes, TailStrategy::GuardWithIf);
    }
    if (!loops.values.defined()) return;
    for (size_t o = 1; o < loops.outputs.size(); o++)
        loops.outputs[o].compute_with(loops.outputs.front(), block);
    loops.values.compute_at(loops.outputs.front(), block)
        .vectorize(loops.values.args()[0], lanes, TailStrategy::GuardWithIf);
}

void schedule_cpu(BlockedSum sum, const Target &) {
    const Var lane = sum.partials.args()[0], block = sum.partials.args()[1];
    sum.partials.compute_root().vectorize(lane).parallel(block);
    sum.partials.update().reorder(lane, sum.element, block).vectorize(lane).parallel(block);
    sum.total.compute_root();
}

} // namespace afnet::schedules
