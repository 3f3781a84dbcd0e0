#include "autotune/step_contest.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <set>

#include "model/step_selection.h"
#include "runtime/arena.h"
#include "runtime/element_type.h"
#include "runtime/error.h"
#include "runtime/vendor_choice.h"

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

// The elements of a tensor but for its border and its zero frame.
template <class Element> std::vector<Element> inner_elements(const TensorMemory &memory, const TensorInfo &tensor) {
    const Element *data = static_cast<const Element *>(memory.data);
    const std::vector<int> &extents = tensor.extents;
    if (extents.size() != 4) return std::vector<Element>(data, data + memory.bytes / sizeof(Element));
    const std::vector<int> strides = stored_strides(tensor);
    std::vector<Element> inner;
    for (int f = 0; f < extents[3]; f++) {
        for (int y = 0; y < extents[2]; y++) {
            const Element *begin = data + size_t(f) * size_t(strides[3]) + size_t(y + tensor.border) * size_t(strides[2]) +
                                   size_t(tensor.border) * size_t(strides[1]);
            inner.insert(inner.end(), begin, begin + size_t(extents[0]) * size_t(extents[1]));
        }
    }
    return inner;
}

// Of floats, or of bfloat16 as their bits.
template <class Element> double largest_difference(const Element *a, const Element *b, size_t count) {
    double largest = 0, difference = 0;
    for (size_t i = 0; i < count; i++) {
        const double x = number(a[i]), y = number(b[i]);
        if (x != y && !(std::isfinite(x) && std::isfinite(y))) return kNotFinite;
        largest = std::max(largest, std::fabs(x));
        difference = std::max(difference, x == y ? 0 : std::fabs(x - y));
    }
    if (difference == 0) return 0;
    return largest > 0 ? std::min(difference / largest, kNotFinite) : kNotFinite;
}

// All that is stored, where both are stored alike; else what lies inside.
template <class Element>
double largest_difference(IsolatedStep &expected, IsolatedStep &actual, const std::string &argument) {
    const TensorMemory a = expected.argument(argument), b = actual.argument(argument);
    if (expected.tensor(argument).border == actual.tensor(argument).border) {
        return largest_difference(static_cast<const Element *>(a.data), static_cast<const Element *>(b.data),
                                  a.bytes / sizeof(Element));
    }
    const auto inner_a = inner_elements<Element>(a, expected.tensor(argument));
    const auto inner_b = inner_elements<Element>(b, actual.tensor(argument));
    return largest_difference(inner_a.data(), inner_b.data(), inner_a.size());
}

// A record that chooses a vendor's kernel is another's where there is none: not here.
void require_chosen_vendor(const IsolatedStep &step) {
    const KernelEntry &entry = *step.kernel().entry;
    const std::string chosen = vendor_text(entry);
    if (!chosen.empty() && entry.vendor != chosen) {
        throw Error(entry.symbol + ": " + chosen + " is not installed, or has no kernel for this layer");
    }
}

} // namespace

StepContest::StepContest(const Occurrence &occurrence, const std::vector<KernelStore *> &variants, uint64_t seed) {
    const LoweredNetwork network = lower(occurrence.model, occurrence.run);
    const Weights weights = recipe_weights(1);
    for (KernelStore *kernels : variants) {
        steps_.push_back(
            std::make_unique<IsolatedStep>(network, occurrence.step, *kernels, occurrence.model.name, weights, seed));
        require_chosen_vendor(*steps_.back());
        select(*steps_.back(), network, occurrence.step,
               step_masks(occurrence.model, occurrence.run, occurrence.frames, occurrence.rs));
    }
    add_operands(network, network.plan.steps[occurrence.step]);
}

void StepContest::add_operands(const LoweredNetwork &network, const Step &step) {
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
        for (const auto &variant : steps_) {
            if (!operand.in_place) break;
            const TensorMemory memory = variant->argument(argument.name);
            const char *bytes = static_cast<const char *>(memory.data);
            operand.beginnings[variant.get()].assign(bytes, bytes + memory.bytes);
        }
        operands_.push_back(std::move(operand));
    }
}

void StepContest::restore(IsolatedStep &step) {
    for (const Operand &operand : operands_) {
        if (!operand.in_place) continue;
        const std::vector<char> &beginnings = operand.beginnings.at(&step);
        std::memcpy(step.argument(operand.argument).data, beginnings.data(), beginnings.size());
    }
}

double StepContest::difference(IsolatedStep &expected, IsolatedStep &step, const Operand &operand) const {
    if (operand.type == ElementType::Float32) return largest_difference<float>(expected, step, operand.argument);
    if (operand.type == ElementType::BFloat16) return largest_difference<uint16_t>(expected, step, operand.argument);
    const TensorMemory a = expected.argument(operand.argument), b = step.argument(operand.argument);
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
