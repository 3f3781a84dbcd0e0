// The results of a study of patch sizes as text, JSON and CSV.
#pragma once

#include <string>

#include "bench/granularity_bench.h"

namespace afnet {

/// Tables of stages for people, and what follows for each.
std::string granularity_text(const GranularityResult &result);

/// One JSON object (docs/formats.md).
std::string granularity_json(const GranularityResult &result);

/// The JSON's rows, a line each under a line of names.
std::string granularity_csv(const GranularityResult &result);

} // namespace afnet
