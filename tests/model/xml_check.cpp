#include "tests/model/xml_check.h"

#include <regex>
#include <set>
#include <vector>

namespace afnet {

namespace {

std::string near(const std::string &text, size_t at) {
    return " near `" + text.substr(at > 20 ? at - 20 : 0, 60) + "`";
}

bool plain_text(const std::string &text) {
    static const std::regex ampersand("&(?!(lt|gt|amp|quot|apos|#[0-9]+|#x[0-9a-fA-F]+);)");
    for (unsigned char c : text) {
        if (c == '<' || (c < 0x20 && c != '\n' && c != '\t' && c != '\r')) return false;
    }
    return !std::regex_search(text, ampersand);
}

// `inside`: what stands between < and >.
std::string tag_fault(const std::string &inside, std::vector<std::string> &open) {
    static const std::regex closing("/([A-Za-z][A-Za-z0-9]*)");
    static const std::regex opening("([A-Za-z][A-Za-z0-9]*)((?:\\s+[A-Za-z][A-Za-z0-9-]*=\"[^\"<]*\")*)\\s*(/?)");
    static const std::regex attribute("\\s+([A-Za-z][A-Za-z0-9-]*)=\"([^\"]*)\"");
    std::smatch match;
    if (std::regex_match(inside, match, closing)) {
        if (open.empty() || open.back() != match[1]) return "unexpected end of " + match[1].str();
        open.pop_back();
        return "";
    }
    if (!std::regex_match(inside, match, opening)) return "no tag";
    std::set<std::string> names;
    const std::string attributes = match[2];
    for (std::sregex_iterator each(attributes.begin(), attributes.end(), attribute), end; each != end; ++each) {
        if (!names.insert((*each)[1]).second) return "attribute twice: " + (*each)[1].str();
        if (!plain_text((*each)[2])) return "bad value: " + (*each)[2].str();
    }
    if (match[3].length() == 0) open.push_back(match[1]);
    return "";
}

}  // namespace

std::string xml_fault(const std::string &text) {
    static const std::string doctype = "<!DOCTYPE html>\n";
    std::vector<std::string> open;
    size_t at = text.rfind(doctype, 0) == 0 ? doctype.size() : 0;
    bool root = false;
    while (at < text.size()) {
        const size_t begin = text.find('<', at);
        const std::string between = text.substr(at, begin == std::string::npos ? begin : begin - at);
        if (!plain_text(between)) return "bad text" + near(text, at);
        if (open.empty() && between.find_first_not_of(" \n") != std::string::npos)
            return "text outside" + near(text, at);
        if (begin == std::string::npos) break;
        const size_t end = text.find('>', begin);
        if (end == std::string::npos) return "tag without end" + near(text, begin);
        if (open.empty() && root) return "two roots" + near(text, begin);
        const std::string fault = tag_fault(text.substr(begin + 1, end - begin - 1), open);
        if (!fault.empty()) return fault + near(text, begin);
        root = true;
        at = end + 1;
    }
    return open.empty() && root ? "" : "no end of " + (open.empty() ? "nothing" : open.back());
}

}  // namespace afnet
