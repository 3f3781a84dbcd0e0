#include "schedules/consensus_loss_schedule.h"

#include "schedules/cpu.h"
#include "schedules/stored_stages_schedule.h"

namespace afnet::schedules {

using namespace Halide;

void schedule_cpu(ConsensusLossStages s, const Target &target) {
    const int lanes = cpu_facts(target).lanes;
    schedule_cpu(StoredStages{s.outputs, {}}, target);
    for (Func &func : std::vector<Func>{s.mean, s.d_mean, s.derived, s.outputs.front(), s.outputs.back()}) {
        func.vectorize(func.args().front(), lanes, TailStrategy::GuardWithIf).parallel(func.args().back());
        for (int u = 0; u < func.num_update_definitions(); u++) {
            func.update(u)
                .vectorize(func.args().front(), lanes, TailStrategy::GuardWithIf)
                .parallel(func.args().back());
        }
    }
}

} // namespace afnet::schedules
