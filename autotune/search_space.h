// What a generator's knobs may be: the product of their candidates.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "autotune/records.h"
#include "runtime/kernel_spec.h"

namespace afnet {

struct SearchSpace {
    std::map<std::string, std::vector<int>> candidates;  // by knob

    /// How many points there are; 0 without knobs.
    uint64_t size() const;
    /// Point `index`, each once; the last knob by name varies first.
    Knobs point(uint64_t index) const;
};

/// Asks the spec's generator, in the folder `generators`. Throws Error when it does not answer.
SearchSpace search_space_of(const std::string &generators, const KernelSpec &spec);

}  // namespace afnet
