// What a generator's knobs may be: the product of their candidates.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "autotune/records.h"
#include "runtime/kernel_spec.h"

namespace afnet {

struct SearchSpace {
    std::map<std::string, std::vector<int>> candidates; // by knob

    /// How many points there are; 0 without knobs.
    uint64_t size() const;
    /// Point `index`, each once; the last knob by name varies first.
    Knobs point(uint64_t index) const;
};

/// The space with fewer candidates: each restriction is `knob=value,value`. Those of knobs that this space lacks are
/// left to others. Throws UsageError for what is no restriction, or where a knob would lose all its candidates.
SearchSpace restricted(SearchSpace space, const std::vector<std::string> &restrictions);

/// The space of the knobs among `resolved` alone, with all their candidates.
SearchSpace with_knobs(SearchSpace space, const Knobs &resolved);

/// Code that is known already: a schedule asks for knobs one after the other, and which it asks for depends on the
/// values that it has got. So knobs that agree with all that some compilation resolved make the same code, whatever the
/// rest.
class KnownCode {
public:
    void add(const Knobs &resolved);
    bool covers(const Knobs &knobs) const;

private:
    std::map<std::vector<std::string>, std::set<Knobs>> by_names_; // resolved values, by which knobs they are of
};

/// Asks the spec's generator, in the folder `generators`. Throws Error when it does not answer.
SearchSpace search_space_of(const std::string &generators, const KernelSpec &spec);

} // namespace afnet
