#include "bench/step_calls.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "bench/measure.h"

namespace afnet {

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kLeastCalls = 2; // in a turn
constexpr int kCallsInPlace = 8;  // that update the same values: gates make them vanish or grow in geometric steps

constexpr double kDeviceSample = 2; // milliseconds

} // namespace

StepCalls::StepCalls(IsolatedStep &step) : step_(step) {
    const auto &arguments = step.step().arguments;
    const auto output = std::find_if(arguments.begin(), arguments.end(),
                                     [](const Argument &argument) { return argument.name == "output"; });
    if (output == arguments.end()) return;
    const bool in_place = std::any_of(arguments.begin(), arguments.end(), [&](const Argument &argument) {
        return !argument.ignored && argument.name != "output" && argument.tensor == output->tensor;
    });
    if (!in_place) return;
    const TensorMemory updated = step.argument("output");
    const auto *bytes = static_cast<const unsigned char *>(updated.data);
    original_.assign(bytes, bytes + updated.bytes);
}

void StepCalls::renew() {
    if (!original_.empty()) std::memcpy(step_.argument("output").data, original_.data(), original_.size());
}

void StepCalls::turn(double seconds, const std::function<void()> &before) {
    const auto begin = Clock::now();
    const size_t had = ms.size();
    while (ms.size() < had + kLeastCalls || milliseconds(Clock::now() - begin) < 1e3 * seconds)
        step_.device() ? sample_on_device() : call(before);
}

// What a device is given lies there when its time begins.
void StepCalls::sample_on_device() {
    if (runs_ == 0) runs_ = step_.runs_within(kDeviceSample);
    if (!original_.empty()) {
        renew();
        step_.run();
    }
    const auto start = Clock::now();
    step_.run_times(runs_);
    ms.push_back(milliseconds(Clock::now() - start) / runs_);
}

void StepCalls::call(const std::function<void()> &before) {
    renew();
    // One look at the processor's time for several calls: it is a system call.
    const double processor = processor_milliseconds();
    double sum = 0;
    for (int call = 0; call < (before ? 1 : kCallsInPlace); call++) {
        if (before) before();
        const auto start = Clock::now();
        step_.run();
        ms.push_back(milliseconds(Clock::now() - start));
        sum += ms.back();
    }
    if (!before) processor_ms += processor_milliseconds() - processor;
    if (!before) wall_ms += sum;
}

} // namespace afnet
