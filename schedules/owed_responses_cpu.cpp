#include "schedules/cpu.h"
#include "schedules/owed_responses_schedule.h"

namespace afnet::schedules {

using namespace Halide;

void schedule_patch_tables(const std::vector<Func> &tables) {
    for (Func table : tables)
        table.compute_root();
}

void schedule_cpu(RowSums s, const Target &target) {
    const int lanes = cpu_facts(target).lanes;
    s.sums.compute_root().vectorize(s.c, lanes, TailStrategy::GuardWithIf).parallel(s.row).parallel(s.f);
    s.sums.update()
        .reorder(s.c, s.e, s.x, s.row, s.f)
        .vectorize(s.c, lanes, TailStrategy::GuardWithIf)
        .parallel(s.row)
        .parallel(s.f);
    s.output.vectorize(s.c, lanes, TailStrategy::GuardWithIf).parallel(s.f);
    s.total.compute_at(s.output, s.f).vectorize(s.c, lanes, TailStrategy::GuardWithIf);
    s.total.update().reorder(s.c, s.e, s.y).vectorize(s.c, lanes, TailStrategy::GuardWithIf);
}

} // namespace afnet::schedules
