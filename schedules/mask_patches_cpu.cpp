#include "schedules/mask_patches_schedule.h"

#include "schedules/cpu.h"

namespace afnet::schedules {

using namespace Halide;

namespace {

// [c, i, row, f], a sum over `reduction`.
void rows_as_tasks(Func sum, const RVar &reduction, int lanes) {
    const std::vector<Var> v = sum.args();
    sum.compute_root().vectorize(v[0], lanes, TailStrategy::GuardWithIf).parallel(v[2]).parallel(v[3]);
    sum.update()
        .reorder(v[0], reduction, v[1], v[2], v[3])
        .vectorize(v[0], lanes, TailStrategy::GuardWithIf)
        .parallel(v[2])
        .parallel(v[3]);
}

} // namespace

void schedule_cpu(PatchProducts s, const Target &target) {
    const int lanes = cpu_facts(target).lanes;
    rows_as_tasks(s.products, s.column, lanes);
    rows_as_tasks(s.tiles, s.line, lanes);
    const Var frame = s.worth.args()[2];
    s.worth.compute_root();
    s.worth.update().parallel(frame);
}

} // namespace afnet::schedules
