#include "schedules/fma_peak_schedule.h"

#include "schedules/cpu.h"

namespace afnet::schedules {

using namespace Halide;

int fma_peak_elements(const FmaPeakKnobs &knobs, const Target &target) {
    const CpuFacts cpu = cpu_facts(target);
    return knobs.elements.resolve(cpu.registers * 3 / 4 * cpu.lanes);
}

void schedule_cpu(FmaPeakStages s, const Target &target) {
    const int lanes = cpu_facts(target).lanes;
    s.output.bound(s.i, 0, s.elements).vectorize(s.i, lanes).unroll(s.i).parallel(s.task);
    s.value.compute_at(s.output, s.task).bound_extent(s.i, s.elements).vectorize(s.i, lanes).unroll(s.i);
    s.value.update().reorder(s.i, s.r).vectorize(s.i, lanes).unroll(s.i);
}

}  // namespace afnet::schedules
