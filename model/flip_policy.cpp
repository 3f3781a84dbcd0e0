#include "model/flip_policy.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "runtime/error.h"
#include "runtime/text.h"

namespace afnet {

namespace {

std::string lower(std::string text) {
    for (char &c : text)
        c = char(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

const std::map<std::string, std::string> &exchanged_words() {
    static const std::map<std::string, std::string> words = {{"left", "right"},
                                                             {"right", "left"},
                                                             {"leftwards", "rightwards"},
                                                             {"rightwards", "leftwards"},
                                                             {"clockwise", "counterclockwise"},
                                                             {"counterclockwise", "clockwise"}};
    return words;
}

// In lower case, with words exchanged.
std::string mirrored(const std::string &name) {
    const std::string text = lower(name);
    const auto is_letter = [](unsigned char c) { return std::isalpha(c) != 0; };
    std::string result;
    for (auto at = text.begin(); at != text.end();) {
        const auto end = is_letter(*at) ? std::find_if_not(at, text.end(), is_letter) : at + 1;
        const std::string word(at, end);
        const auto found = exchanged_words().find(word);
        result += found == exchanged_words().end() ? word : found->second;
        at = end;
    }
    return result;
}

} // namespace

const std::vector<std::string> &flip_policy_names() {
    static const std::vector<std::string> names = {"none", "random", "swap-labels", "auto"};
    return names;
}

FlipPolicy flip_policy_named(const std::string &name) {
    const auto &names = flip_policy_names();
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) throw UsageError("unknown flip " + printable(name) + "; " + join(names) + " expected");
    return FlipPolicy(found - names.begin());
}

std::string flip_policy_name(FlipPolicy policy) {
    return flip_policy_names()[size_t(policy)];
}

bool says_direction(const std::vector<std::string> &classes) {
    return std::any_of(classes.begin(), classes.end(),
                       [](const std::string &name) { return mirrored(name) != lower(name); });
}

FlipPolicy automatic_flip(bool multi_scale, const std::string &list_path, const std::vector<std::string> &classes) {
    const std::string path = lower(list_path);
    const bool directed = contains(path, "something") || contains(path, "jester") || says_direction(classes);
    return multi_scale && !directed ? FlipPolicy::Random : FlipPolicy::None;
}

std::vector<int> mirrored_classes(const std::vector<std::string> &classes) {
    std::map<std::string, int> by_name;
    for (size_t i = 0; i < classes.size(); ++i)
        by_name[lower(classes[i])] = int(i);
    std::vector<int> result;
    for (size_t i = 0; i < classes.size(); ++i) {
        const std::string other = mirrored(classes[i]);
        const auto found = by_name.find(other);
        result.push_back(other == lower(classes[i]) ? int(i) : found == by_name.end() ? -1 : found->second);
    }
    return result;
}

} // namespace afnet
