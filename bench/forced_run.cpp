#include "bench/forced_run.h"

#include "bench/measure.h"

namespace afnet {

void ForcedRun::prepare() {
    for (size_t b = 0; b < masks.frames.size(); b++)
        network->force_mask(b, masks.frames[b]);
    for (size_t b = 0; b < masks.patches.size(); b++)
        network->force_patches(b, masks.patches[b]);
    if (masks.break_even) network->set_break_even(*masks.break_even);
    network->executor().send_inputs();
}

void ForcedRun::run() {
    network->executor().device() ? network->run() : run_steps();
}

void ForcedRun::run_steps() {
    std::vector<double> &ms = steps.emplace_back(network->lowered().plan.steps.size());
    network->run([&](const StepReport &report) { ms[report.index] = milliseconds(report.end - report.begin); });
}

std::vector<std::vector<double>> run_in_turn(std::vector<ForcedRun> &runs, int rounds, double seconds,
                                             const std::function<void(size_t round)> &progress) {
    std::vector<std::function<void()>> candidates;
    for (ForcedRun &run : runs)
        candidates.push_back([&run] { run.run(); });
    return interleave(candidates, rounds, seconds, progress, [&](size_t i) { runs[i].prepare(); });
}

} // namespace afnet
