// One tunable of a schedule: a GeneratorParam that also knows its search space.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "Halide.h"

namespace afnet::schedules {

/// Stops the generator with a message. Kept out of headers' macros: those would compile file and line into it, so that
/// a comment moved would recompile every kernel.
inline void require(bool condition, const std::string &message) {
    if (!condition) throw Halide::CompileError(message);
}

/// A knob's value in this run of the generator, after automatic values were resolved.
using KnobValues = std::map<std::string, int>;

class Knob : public Halide::GeneratorParam<int> {
public:
    static constexpr int kAutomatic = 0;  // the schedule chooses from target and shape

    Knob(const std::string &name, std::vector<int> candidates)
        : Halide::GeneratorParam<int>(name, kAutomatic), candidates_(std::move(candidates)) {
        spaces()[name] = candidates_;
    }

    /// The value set by the build, or `automatic` where it set none. Values outside the search space stop the build
    /// (Halide itself checks nothing). What is returned is remembered for the kernel library's manifest.
    int resolve(int automatic) const {
        const int v = value() == kAutomatic ? automatic : value();
        require(value() == kAutomatic || std::count(candidates_.begin(), candidates_.end(), v) == 1,
                "knob " + name() + "=" + std::to_string(v) + " is not in its search space");
        resolved()[name()] = v;
        return v;
    }

    /// Search spaces of the generator constructed last, by knob.
    static std::map<std::string, std::vector<int>> &spaces() {
        static std::map<std::string, std::vector<int>> all;
        return all;
    }
    /// Values that the generator run last resolved.
    static KnobValues &resolved() {
        static KnobValues all;
        return all;
    }

private:
    std::vector<int> candidates_;
};

}  // namespace afnet::schedules
