#include "runtime/text.h"

#include <charconv>
#include <cstdint>

namespace afnet {

std::string printable(std::string_view text, size_t max_bytes) {
    static const char digits[] = "0123456789abcdef";
    std::string line = "'";
    for (const char c : text.substr(0, max_bytes)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f && c != '\'' && c != '\\') {
            line += c;
        } else {
            line += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
        }
    }
    return line + (text.size() > max_bytes ? "...'" : "'");
}

std::string join(const std::vector<std::string> &words) {
    std::string result;
    for (const std::string &word : words) result += (result.empty() ? "" : ", ") + word;
    return result;
}

std::string seed_fault(const std::string &text) {
    uint64_t value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault == std::errc() && end == text.data() + text.size()) return "";
    return "Value " + text + " is no whole number from 0 to " + std::to_string(UINT64_MAX);
}

bool is_utf8(std::string_view text) {
    // The smallest code point that needs this many continuation bytes: anything below is an overlong form.
    static constexpr uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    for (size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i++]);
        const int more = lead < 0x80 ? 0 : (lead >> 5) == 6 ? 1 : (lead >> 4) == 14 ? 2 : (lead >> 3) == 30 ? 3 : -1;
        if (more < 0) return false;
        uint32_t code = more == 0 ? lead : lead & (0x3fU >> more);
        for (int k = 0; k < more; ++k, ++i) {
            if (i == text.size() || (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return false;
            code = (code << 6) | (static_cast<unsigned char>(text[i]) & 0x3fU);
        }
        if (code < smallest[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
    }
    return true;
}

} // namespace afnet
