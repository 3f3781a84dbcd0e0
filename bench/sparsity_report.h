// The results of a study of dynamic sparsity as text, JSON and CSV.
#pragma once

#include <string>

#include "bench/sparsity_bench.h"

namespace afnet {

/// Tables for people.
std::string sparsity_text(const SparsityResult &result);

/// One JSON object (docs/formats.md).
std::string sparsity_json(const SparsityResult &result);

/// The JSON's rows, a line each under a line of names.
std::string sparsity_csv(const SparsityResult &result);

}  // namespace afnet
