// What somebody may have meant.
#pragma once

#include <string>
#include <vector>

namespace afnet {

/// The word of `known`, which is not empty, with the least edits (Levenshtein's distance) from `word`; the first of
/// several.
std::string nearest_word(const std::string &word, const std::vector<std::string> &known);

} // namespace afnet
