#include "schedules/memory_sweep_schedule.h"

#include "schedules/cpu.h"

namespace afnet::schedules {

using namespace Halide;

int memory_sweep_elements(const MemorySweepKnobs &knobs, const Target &target) {
    return knobs.elements.resolve(8 * cpu_facts(target).lanes);
}

void schedule_cpu(MemoryCopy s, const Target &target) {
    const int lanes = cpu_facts(target).lanes;
    Var block("block"), inner("inner");
    s.output.split(s.i, block, inner, s.elements, TailStrategy::GuardWithIf)
        .vectorize(inner, lanes, TailStrategy::GuardWithIf)
        .unroll(inner)
        .parallel(s.task);
}

void schedule_cpu(MemoryRead s, const Target &target) {
    const int lanes = cpu_facts(target).lanes;
    const auto tail = TailStrategy::GuardWithIf;
    s.output.bound(s.i, 0, s.elements).vectorize(s.i, lanes, tail).unroll(s.i).parallel(s.task);
    s.sum.compute_at(s.output, s.task).bound_extent(s.i, s.elements).vectorize(s.i, lanes, tail).unroll(s.i);
    s.sum.update().reorder(s.i, s.r).vectorize(s.i, lanes, tail).unroll(s.i);
}

} // namespace afnet::schedules
