// What an unselected frame gets from a focal block, and the words for it in options and files.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace afnet {

/// AFNET_SPEC §2.7.
enum class Unselected {
    Masked,  // shortcut + F(0), as the released code computes
    Skipped, // the shortcut alone, as the paper says
};

/// The words, in the order above.
const std::vector<std::string> &unselected_names();
const std::string &unselected_name(Unselected unselected);
/// None where the word is another one.
std::optional<Unselected> unselected_named(const std::string &name);

} // namespace afnet
