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
    updated_ = step.argument("output");
    const auto *bytes = static_cast<const unsigned char *>(updated_.data);
    original_.assign(bytes, bytes + updated_.bytes);
}

void StepCalls::turn(double seconds, const std::function<void()> &before) {
    const auto begin = Clock::now();
    const size_t had = ms.size();
    while (ms.size() < had + kLeastCalls || milliseconds(Clock::now() - begin) < 1e3 * seconds) {
        if (!original_.empty()) std::memcpy(updated_.data, original_.data(), original_.size());
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
}

} // namespace afnet
