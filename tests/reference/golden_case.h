// A golden file of an evaluation case: the recipe of its network and input, and what the authors' network made of them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/reference/network.h"

namespace afnet::reference {

struct GoldenCase {
    NetworkConfig config;
    uint64_t seed = 0;
    double gain = 1.0;
    std::map<std::string, NamedTensor> expected;
};

/// tests/golden/<name>.safetensors. Throws Error when it is no evaluation case.
GoldenCase load_golden_case(const std::string &name);

/// The parameters that the recipe gives for a seed and gain, made one at a time as they are asked for.
ParameterLookup recipe_lookup(uint64_t seed, double gain);

/// The clips that the recipe gives for a seed, with the config's extents.
Tensor4 recipe_input(const NetworkConfig &config, uint64_t seed);

} // namespace afnet::reference
