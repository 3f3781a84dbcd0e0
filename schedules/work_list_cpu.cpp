#include "schedules/work_list_schedule.h"

namespace afnet::schedules {

void schedule_cpu(WorkListStages stages, const Halide::Target &) {
    stages.rank.compute_root();
}

}  // namespace afnet::schedules
