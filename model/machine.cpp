#include "model/machine.h"

#include <algorithm>
#include <chrono>
#include <fstream>

namespace afnet {

namespace {

constexpr int kRounds = 1 << 20;

// How many elements fill the registers is the schedule's decision; the manifest tells.
int elements_of(const Kernel &kernel) {
    return kernel.entry->knobs.at("elements");
}

Plan peak_plan(int elements, int threads) {
    Plan plan;
    TensorInfo output;
    output.name = "values";
    output.extents = {elements, threads};
    output.storage = Storage::Kept;
    const TensorId id = plan.add(output);
    Step step;
    step.label = "fma_peak";
    step.kernel = KernelSpec("fma_peak");
    step.arguments = {{"output", id}};
    step.scalars = {{"rounds", kRounds}, {"factor", 0.999}, {"addend", 0.001}};
    plan.steps.push_back(step);
    return plan;
}

}  // namespace

std::vector<KernelSpec> machine_specs() {
    return {KernelSpec("fma_peak")};
}

std::string cpu_name() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        const size_t colon = line.find(": ");
        if (line.rfind("model name", 0) == 0 && colon != std::string::npos) return line.substr(colon + 2);
    }
    return "unknown";
}

PeakMeter::PeakMeter(KernelStore &kernels, int threads)
    : executor_(peak_plan(elements_of(kernels.kernel(KernelSpec("fma_peak"), kMachineLibrary)), threads), kernels,
                kMachineLibrary) {
    const int elements = elements_of(executor_.kernel(0));
    macs_ = double(elements) * threads * kRounds;
}

double PeakMeter::measure() {
    using Clock = std::chrono::steady_clock;
    double best = 0;
    for (int i = 0; i < 5; i++) {
        const auto begin = Clock::now();
        executor_.run();
        best = std::max(best, macs_ / std::chrono::duration<double>(Clock::now() - begin).count());
    }
    return best / 1e9;
}

}  // namespace afnet
