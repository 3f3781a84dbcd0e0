// The results of a study of patch sizes as one HTML page.
#pragma once

#include <string>

#include "bench/granularity_bench.h"

namespace afnet {

std::string granularity_page(const GranularityResult &result);

} // namespace afnet
