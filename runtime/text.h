// Text that came out of a file, made fit for a message.
#pragma once

#include <string>
#include <string_view>

namespace afnet {

/// `text` between single quotes, on one line and harmless to a terminal: every byte that is not printable ASCII, and
/// quotes and backslashes, appear as \xNN; anything past `max_bytes` of it is replaced by "...".
std::string printable(std::string_view text, size_t max_bytes = 96);

/// Whether `text` is UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

} // namespace afnet
