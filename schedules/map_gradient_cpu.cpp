#include "schedules/map_gradient_schedule.h"

#include "schedules/cpu.h"

namespace afnet::schedules {

using namespace Halide;

void schedule_cpu(MapGradient s, const Target &target) {
    const int lanes = cpu_facts(target).lanes;
    Var inner("inner");
    const auto vectors = [&](Stage stage) { stage.vectorize(s.c, lanes, TailStrategy::GuardWithIf); };
    s.fine.split(s.y, s.row, inner, s.fine_rows, TailStrategy::GuardWithIf)
        .reorder(s.c, s.x, inner, s.row, s.f)
        .parallel(s.row)
        .parallel(s.f);
    vectors(s.fine);
    for (Func &map : s.coarse) {
        map.reorder(s.c, s.x, s.row, s.f).parallel(s.row).parallel(s.f);
        vectors(map);
        map.compute_with(s.fine, s.row);
    }
    s.row_sum.compute_root().reorder(s.c, s.row, s.f).parallel(s.row).parallel(s.f);
    vectors(s.row_sum);
    s.row_sum.compute_with(s.fine, s.row);
    s.row_sum.update().reorder(s.c, s.column, s.row, s.f).parallel(s.row).parallel(s.f);
    vectors(s.row_sum.update());
    s.row_sum.update().compute_with(s.fine, s.row);
    s.total.parallel(s.f);
    vectors(s.total);
    s.total.update().reorder(s.c, s.rows, s.f).parallel(s.f);
    vectors(s.total.update());
}

} // namespace afnet::schedules
