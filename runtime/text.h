// Text for messages; what came out of a file is made fit for one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace afnet {

/// `text` between single quotes, on one line and harmless to a terminal: every byte that is not printable ASCII, and
/// quotes and backslashes, appear as \xNN; anything past `max_bytes` of it is replaced by "...".
std::string printable(std::string_view text, size_t max_bytes = 96);

inline bool starts_with(std::string_view text, std::string_view prefix) {
    return text.substr(0, prefix.size()) == prefix;
}
inline bool ends_with(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}
inline bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

/// Words with commas between them.
std::string join(const std::vector<std::string> &words);

/// What is wrong with `text` as a seed, a whole number of 64 bits; empty where nothing is. CLI11 would take -1 for the
/// largest number, and cut larger ones down to it.
std::string seed_fault(const std::string &text);

/// Whether `text` is UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

} // namespace afnet
