#include "autotune/search_space.h"

#include <nlohmann/json.hpp>

#include "autotune/kernel_compiler.h"
#include "autotune/process.h"
#include "runtime/error.h"

namespace afnet {

namespace {

constexpr ProcessLimits kLimits = {60, 0};

}  // namespace

uint64_t SearchSpace::size() const {
    if (candidates.empty()) return 0;
    uint64_t points = 1;
    for (const auto &[knob, values] : candidates) {
        if (__builtin_mul_overflow(points, uint64_t(values.size()), &points)) {
            throw Error("a search space of more than 2^64 points; declare fewer candidates");
        }
    }
    return points;
}

Knobs SearchSpace::point(uint64_t index) const {
    Knobs knobs;
    for (auto knob = candidates.rbegin(); knob != candidates.rend(); ++knob) {
        knobs[knob->first] = knob->second[index % knob->second.size()];
        index /= knob->second.size();
    }
    return knobs;
}

SearchSpace search_space_of(const std::string &generators, const KernelSpec &spec) {
    const std::string path = generator_path(generators, spec);
    const ProcessResult result = run_process({path, "--knobs", spec.generator}, kLimits);
    if (result.status != 0) throw Error(path + ": does not tell its knobs: " + result.output);
    try {
        return {nlohmann::json::parse(result.output).get<std::map<std::string, std::vector<int>>>()};
    } catch (const nlohmann::json::exception &error) {
        throw Error(path + ": does not tell its knobs: " + error.what());
    }
}

}  // namespace afnet
