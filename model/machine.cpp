#include "model/machine.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

namespace afnet {

namespace {

constexpr int kRounds = 1 << 20;
constexpr int kPasses = 3;

// How many elements fill the registers is the schedule's decision; the manifest tells.
int elements_of(const Kernel &kernel) {
    return kernel.entry->knobs.at("elements");
}

KernelSpec sweep_spec(bool writes) {
    return KernelSpec("memory_sweep").set("writes", writes);
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

// `MemAvailable` of the system; 0 where it does not tell.
size_t free_bytes() {
    std::ifstream file("/proc/meminfo");
    for (std::string line; std::getline(file, line);) {
        if (line.rfind("MemAvailable:", 0) == 0) return size_t(std::atoll(line.c_str() + 13)) << 10;
    }
    return 0;
}

size_t sweep_bytes() {
    const size_t least = size_t(64) << 20, most = size_t(1) << 30;
    return std::max(least, std::min({most, 4 * last_cache_bytes(), free_bytes() / 8}));
}

// Steps 0 and 1: the copy, and the reading alone.
Plan sweep_plan(int elements) {
    // More tasks than threads, so that a thread that is held up does not hold up the others.
    const int tasks = 8 * int(std::max(1u, std::thread::hardware_concurrency()));
    const int task_elements = int(sweep_bytes() / 2 / sizeof(float) / size_t(tasks) / size_t(elements)) * elements;
    Plan plan;
    const auto tensor = [&](const char *name, int count, Storage storage) {
        TensorInfo info;
        info.name = name;
        info.extents = {count, tasks};
        info.storage = storage;
        return plan.add(info);
    };
    const TensorId input = tensor("input", task_elements, Storage::Input);
    const TensorId copy = tensor("copy", task_elements, Storage::Kept), sums = tensor("sums", elements, Storage::Kept);
    for (const bool writes : {true, false}) {
        Step step;
        step.label = writes ? "memory_copy" : "memory_read";
        step.kernel = sweep_spec(writes);
        step.arguments = {{"input", input}, {"output", writes ? copy : sums}};
        step.scalars = {{"addend", 1}};
        plan.steps.push_back(step);
    }
    return plan;
}

} // namespace

std::vector<KernelSpec> machine_specs() {
    return {KernelSpec("fma_peak"), sweep_spec(false), sweep_spec(true)};
}

std::string cpu_name() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        const size_t colon = line.find(": ");
        if (line.rfind("model name", 0) == 0 && colon != std::string::npos) return line.substr(colon + 2);
    }
    return "unknown";
}

size_t last_cache_bytes() {
    size_t largest = 0;
    for (int index = 0; index < 8; index++) {
        const std::string path = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/size";
        size_t kibibytes = 0;
        if (std::ifstream(path) >> kibibytes) largest = std::max(largest, kibibytes << 10);
    }
    return largest;
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

MemoryMeter::MemoryMeter(KernelStore &kernels)
    : executor_(sweep_plan(elements_of(kernels.kernel(sweep_spec(false), kMachineLibrary))), kernels, kMachineLibrary) {
    const TensorInfo &input = executor_.plan().tensors[0];
    elements_ = size_t(input.extents[0]) * size_t(input.extents[1]);
}

MemoryRates MemoryMeter::measure() {
    MemoryRates rates;
    const double bytes = double(elements_) * sizeof(float);
    executor_.run();
    for (int pass = 0; pass < kPasses; pass++) {
        executor_.run([&](const StepReport &report) {
            const double seconds = std::chrono::duration<double>(report.end - report.begin).count();
            double &rate = report.index == 0 ? rates.copy : rates.read;
            rate = std::max(rate, (report.index == 0 ? 2 : 1) * bytes / seconds);
        });
    }
    return rates;
}

} // namespace afnet
