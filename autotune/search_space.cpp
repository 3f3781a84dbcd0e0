#include "autotune/search_space.h"

#include <algorithm>
#include <sstream>

#include "autotune/kernel_compiler.h"
#include "autotune/process.h"
#include "runtime/error.h"
#include "runtime/json.h"
#include "runtime/text.h"

namespace afnet {

namespace {

constexpr ProcessLimits kLimits = {60, 0};

} // namespace

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

SearchSpace restricted(SearchSpace space, const std::vector<std::string> &restrictions) {
    for (const std::string &restriction : restrictions) {
        const auto wrong = [&](const std::string &why) {
            return UsageError("--only " + printable(restriction) + ": " + why);
        };
        const size_t equals = restriction.find('=');
        if (equals == 0 || equals == std::string::npos) throw wrong("knob=value,value expected");
        std::vector<int> wanted;
        std::istringstream values(restriction.substr(equals + 1));
        for (std::string value; std::getline(values, value, ',');) {
            if (value.empty() || value.size() > 9 || value.find_first_not_of("0123456789") != std::string::npos) {
                throw wrong("knob=value,value expected");
            }
            wanted.push_back(std::stoi(value));
        }
        const auto knob = space.candidates.find(restriction.substr(0, equals));
        if (knob == space.candidates.end()) continue;
        std::vector<int> kept;
        for (int value : knob->second) {
            if (std::count(wanted.begin(), wanted.end(), value) > 0) kept.push_back(value);
        }
        if (kept.empty()) throw wrong("none of these is a candidate");
        knob->second = kept;
    }
    return space;
}

SearchSpace with_knobs(SearchSpace space, const Knobs &resolved) {
    for (auto knob = space.candidates.begin(); knob != space.candidates.end();)
        knob = resolved.count(knob->first) > 0 ? std::next(knob) : space.candidates.erase(knob);
    return space;
}

void KnownCode::add(const Knobs &resolved) {
    std::vector<std::string> names;
    for (const auto &[name, value] : resolved)
        names.push_back(name);
    if (!names.empty()) by_names_[names].insert(resolved);
}

bool KnownCode::covers(const Knobs &knobs) const {
    for (const auto &[names, values] : by_names_) {
        Knobs part;
        for (const std::string &name : names) {
            const auto found = knobs.find(name);
            if (found != knobs.end()) part.insert(*found);
        }
        if (values.count(part) > 0) return true;
    }
    return false;
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

} // namespace afnet
