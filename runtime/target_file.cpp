#include "runtime/target_file.h"

#include <algorithm>

#include "runtime/error.h"
#include "runtime/json.h"
#include "runtime/text.h"

namespace afnet {

namespace {

using Json = nlohmann::json;

constexpr const char *kFields[] = {"name", "halide", "features", "linker", "dtypes", "forbidden"};

// One entry; `where` names the file and the entry.
class Entry {
public:
    Entry(const Json &entry, std::string where) : entry_(entry), where_(std::move(where)) {
        if (!entry.is_object()) throw Error(where_ + ": an object expected");
        for (const auto &[field, value] : entry.items()) {
            if (std::find(std::begin(kFields), std::end(kFields), field) == std::end(kFields)) {
                throw Error(where_ + ": unknown field " + printable(field) + "; known are " +
                            join({std::begin(kFields), std::end(kFields)}));
            }
        }
    }

    // A word of letters, digits and `more`: it becomes part of file names and of commands.
    std::string word(const char *field, const std::string &more, const char *usual = nullptr) const {
        if (!entry_.contains(field) && usual) return usual;
        return checked(field, entry_.contains(field) ? entry_[field] : Json(), more);
    }

    std::vector<std::string> words(const char *field, const std::vector<std::string> &usual) const {
        if (!entry_.contains(field)) return usual;
        if (!entry_[field].is_array()) refuse(field, "a list of words expected");
        std::vector<std::string> result;
        for (const Json &value : entry_[field])
            result.push_back(checked(field, value, "_."));
        return result;
    }

    [[noreturn]] void refuse(const char *field, const std::string &why) const {
        throw Error(where_ + ": " + field + ": " + why);
    }

private:
    std::string checked(const char *field, const Json &value, const std::string &more) const {
        const std::string text = value.is_string() ? value.get<std::string>() : "";
        const auto fits = [&](char c) {
            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || more.find(c) != std::string::npos;
        };
        if (text.empty() || text.size() > 400 || !std::all_of(text.begin(), text.end(), fits) || text[0] == '-') {
            refuse(field, printable(text) + " is no word of a to z, 0 to 9 and " + more);
        }
        return text;
    }

    const Json &entry_;
    std::string where_;
};

Target target_of(const Entry &entry, const std::vector<std::string> &taken) {
    Target target;
    target.name = entry.word("name", "-");
    if (std::count(taken.begin(), taken.end(), target.name) > 0) {
        entry.refuse("name", "there is a target " + target.name + " already");
    }
    target.halide = entry.word("halide", "-_");
    target.features = entry.words("features", {});
    target.linker = entry.word("linker", "-_+./", "c++");
    target.forbidden = entry.words("forbidden", {});
    target.dtypes.clear();
    for (const std::string &name : entry.words("dtypes", {"f32"})) {
        const auto &known = dtype_names();
        if (std::count(known.begin(), known.end(), name) == 0) {
            entry.refuse("dtypes", printable(name) + " is none of " + join(known));
        }
        target.dtypes.push_back(dtype_named(name));
    }
    if (target.dtypes.empty()) entry.refuse("dtypes", "at least one expected");
    return target;
}

} // namespace

std::vector<Target> parse_targets(const std::string &text, const std::vector<std::string> &taken,
                                  const std::string &where) {
    const Json document = Json::parse(text, nullptr, false);
    if (document.is_discarded()) throw Error(where + ": no JSON");
    if (!document.is_object() || document.size() != 1 || !document.contains("targets") ||
        !document["targets"].is_array()) {
        throw Error(where + R"(: an object {"targets": [...]} and nothing else expected)");
    }
    std::vector<Target> result;
    std::vector<std::string> names = taken;
    for (const Json &entry : document["targets"]) {
        const std::string number = std::to_string(result.size() + 1);
        result.push_back(target_of(Entry(entry, where + ": target " + number), names));
        names.push_back(result.back().name);
    }
    return result;
}

} // namespace afnet
