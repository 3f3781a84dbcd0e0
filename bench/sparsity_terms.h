// What the words on the page of a study of dynamic sparsity mean.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace afnet {

/// Words and their meaning, in the order in which the page meets them.
const std::vector<std::pair<std::string, std::string>> &sparsity_terms();

} // namespace afnet
