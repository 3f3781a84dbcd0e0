// Parameters of a network by their checkpoint keys, wherever they come from.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace afnet {

/// A parameter that a network needs: its state_dict key without wrapper prefixes, and PyTorch's shape (outermost
/// first).
struct ParameterInfo {
    std::string key;
    std::vector<int64_t> shape;
};

/// Gives a parameter's elements in PyTorch's order. Throws Error when there is none of this key and shape.
using Weights = std::function<std::vector<float>(const ParameterInfo &)>;

/// Weights by the closed-form recipe (model/recipe.h).
Weights recipe_weights(uint64_t seed, double gain = 1);

}  // namespace afnet
