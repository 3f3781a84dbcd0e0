#include "schedules/owed_responses_schedule.h"

namespace afnet::schedules {

void schedule_patch_tables(const std::vector<Halide::Func> &tables) {
    for (Halide::Func table : tables)
        table.compute_root();
}

} // namespace afnet::schedules
