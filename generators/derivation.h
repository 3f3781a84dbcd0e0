// What a gradient is made from: a closed form, or Halide's propagate_adjoints on the forward definition. Tests hold
// both equal; networks use the closed form where there is one, which takes fewer passes over the activations.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "Halide.h"

namespace afnet::generators {

enum class Derivation { Closed, Adjoint };

inline const std::map<std::string, Derivation> &derivation_names() {
    static const std::map<std::string, Derivation> names = {{"closed", Derivation::Closed},
                                                            {"adjoint", Derivation::Adjoint}};
    return names;
}

/// The schedule of derived gradients, which serve tests alone: functions that sum up are computed once, everything else
/// is inlined.
inline void compute_reductions_at_root(const std::vector<Halide::Func> &results) {
    for (const Halide::Func &result : results) {
        for (const auto &[name, function] : Halide::Internal::find_transitive_calls(result.function())) {
            if (function.has_update_definition()) Halide::Func(function).compute_root();
        }
    }
}

/// [c, x, y, f] of all elements of a buffer, as propagate_adjoints takes it: minimum and last element.
template <class Buffer> Halide::Region whole_region(Buffer &buffer) {
    Halide::Region region;
    for (int d = 0; d < buffer.dimensions(); d++)
        region.push_back({0, buffer.dim(d).extent() - 1});
    return region;
}

} // namespace afnet::generators
