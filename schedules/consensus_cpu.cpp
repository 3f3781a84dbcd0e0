#include "schedules/consensus_schedule.h"

namespace afnet::schedules {

void schedule_cpu(ConsensusStages stages, const Halide::Target &) {
    for (Halide::Func &stage : std::vector<Halide::Func>{stages.mean, stages.largest, stages.raised, stages.total}) {
        stage.compute_root();
    }
}

}  // namespace afnet::schedules
