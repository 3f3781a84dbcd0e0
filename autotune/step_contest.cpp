#include "autotune/step_contest.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <set>

#include "model/step_selection.h"
#include "runtime/element_type.h"

namespace afnet {

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kNotFinite = 1e9;
constexpr int kLeastRounds = 3;
constexpr double kLeastSample = 2; // milliseconds: below, a sample is several runs
constexpr int kMostRuns = 16;      // a step in place changes its data in every run; not so often that it decays

double milliseconds(Clock::duration d) {
    return std::chrono::duration<double, std::milli>(d).count();
}

double number(float value) {
    return double(value);
}

double number(uint16_t bits) {
    return double(float_of_bfloat16(bits));
}

// Of floats, or of bfloat16 as their bits.
template <class Element> double largest_difference(const TensorMemory &expected, const TensorMemory &actual) {
    const Element *a = static_cast<const Element *>(expected.data), *b = static_cast<const Element *>(actual.data);
    double largest = 0, difference = 0;
    for (size_t i = 0; i < expected.bytes / sizeof(Element); i++) {
        const double x = number(a[i]), y = number(b[i]);
        if (x != y && !(std::isfinite(x) && std::isfinite(y))) return kNotFinite;
        largest = std::max(largest, std::fabs(x));
        difference = std::max(difference, x == y ? 0 : std::fabs(x - y));
    }
    if (difference == 0) return 0;
    return largest > 0 ? std::min(difference / largest, kNotFinite) : kNotFinite;
}

} // namespace

StepContest::StepContest(const Occurrence &occurrence, const std::vector<KernelStore *> &variants, uint64_t seed) {
    const LoweredNetwork network = lower(occurrence.model, occurrence.run);
    const Weights weights = recipe_weights(1);
    for (KernelStore *kernels : variants) {
        steps_.push_back(
            std::make_unique<IsolatedStep>(network, occurrence.step, *kernels, occurrence.model.name, weights, seed));
        select(*steps_.back(), network, occurrence.step,
               step_masks(occurrence.model, occurrence.run, occurrence.frames, occurrence.rs));
    }
    const Step &step = network.plan.steps[occurrence.step];
    std::set<TensorId> once;
    for (const Argument &argument : step.arguments) {
        const TensorInfo &tensor = network.plan.tensors[size_t(argument.tensor)];
        if (tensor.storage == Storage::Constant || !once.insert(argument.tensor).second) continue;
        Operand operand;
        operand.argument = argument.name;
        operand.type = tensor.type;
        operand.in_place = std::count_if(step.arguments.begin(), step.arguments.end(), [&](const Argument &other) {
                               return other.tensor == argument.tensor && !other.ignored;
                           }) > 1;
        if (operand.in_place) {
            const TensorMemory memory = steps_.front()->argument(argument.name);
            const char *bytes = static_cast<const char *>(memory.data);
            operand.beginnings.assign(bytes, bytes + memory.bytes);
        }
        operands_.push_back(std::move(operand));
    }
}

void StepContest::restore(IsolatedStep &step) {
    for (const Operand &operand : operands_) {
        if (!operand.in_place) continue;
        std::memcpy(step.argument(operand.argument).data, operand.beginnings.data(), operand.beginnings.size());
    }
}

double StepContest::difference(IsolatedStep &expected, IsolatedStep &step, const Operand &operand) const {
    const TensorMemory a = expected.argument(operand.argument), b = step.argument(operand.argument);
    if (operand.type == ElementType::Float32) return largest_difference<float>(a, b);
    if (operand.type == ElementType::BFloat16) return largest_difference<uint16_t>(a, b);
    return std::memcmp(a.data, b.data, a.bytes) == 0 ? 0 : kNotFinite;
}

std::vector<double> StepContest::differences() {
    for (const auto &step : steps_) {
        restore(*step);
        step->run();
    }
    std::vector<double> result;
    for (const auto &step : steps_) {
        double worst = 0;
        for (const Operand &operand : operands_)
            worst = std::max(worst, difference(*steps_.front(), *step, operand));
        result.push_back(worst);
    }
    return result;
}

double StepContest::sample(IsolatedStep &step, int runs) {
    const bool in_place =
        std::any_of(operands_.begin(), operands_.end(), [](const Operand &operand) { return operand.in_place; });
    if (in_place) {
        restore(step);
        step.run(); // as warm as a step that needed no restoring; what it restored is on the device then
    }
    const auto begin = Clock::now();
    step.run_times(runs);
    return milliseconds(Clock::now() - begin) / runs;
}

// Of a sample. On a device they may be many: its time depends on no element's value.
int StepContest::warmed_runs() {
    for (const auto &step : steps_)
        sample(*step, 1);
    IsolatedStep &first = *steps_.front();
    if (!first.device()) {
        const double once = sample(first, 1);
        return std::clamp(int(std::ceil(kLeastSample / std::max(once, 1e-6))), 1, kMostRuns);
    }
    const int runs = first.runs_within(kLeastSample);
    for (const auto &step : steps_)
        step->run_times(runs); // which has them recorded on CUDA
    return runs;
}

std::vector<std::vector<double>> StepContest::time(const Rounds &rounds) {
    const int runs = warmed_runs();
    std::vector<std::vector<double>> ms(steps_.size());
    const auto begin = Clock::now();
    for (int round = 0; round < rounds.most; round++) {
        if (round >= kLeastRounds && milliseconds(Clock::now() - begin) > rounds.seconds * 1e3) break;
        for (size_t i = 0; i < steps_.size(); i++) {
            const size_t turn = round % 2 == 0 ? i : steps_.size() - 1 - i;
            ms[turn].push_back(sample(*steps_[turn], runs));
        }
    }
    return ms;
}

} // namespace afnet
