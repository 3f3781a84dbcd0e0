// In which order candidates are tried. A strategy proposes knobs and is told what became of them; it neither compiles
// nor measures, so that one can be tested, or compared with another, without a machine.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "autotune/measurement.h"
#include "autotune/search_space.h"

namespace afnet {

class SearchStrategy {
public:
    virtual ~SearchStrategy() = default;

    /// The next candidate; none once the strategy knows no other. Several may be asked for before the first is
    /// observed.
    virtual std::optional<Knobs> propose() = 0;

    /// What became of a proposal.
    virtual void observe(const Measurement &) {}
};

/// `exhaustive`: every point in order. `random`: every point once, in an order that follows from the seed, the same on
/// every machine. Throws UsageError for another name.
std::unique_ptr<SearchStrategy> make_strategy(const std::string &name, const SearchSpace &space, uint64_t seed);

/// Proposes `first`, then what `then` proposes, nothing twice.
std::unique_ptr<SearchStrategy> beginning_with(std::vector<Knobs> first, std::unique_ptr<SearchStrategy> then);

} // namespace afnet
