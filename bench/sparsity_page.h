// The results of a study of dynamic sparsity as one HTML page.
#pragma once

#include <string>

#include "bench/sparsity_bench.h"

namespace afnet {

std::string sparsity_page(const SparsityResult &result);

}  // namespace afnet
