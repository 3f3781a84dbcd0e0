#include "runtime/kernel_spec.h"

#include <utility>

namespace afnet {

namespace {

// Parameters whose values need no name of their own, in the order in which they are spelt: {parameter, prefix}.
constexpr std::pair<const char *, const char *> kSpelling[] = {{"kernel", "_k"},    {"stride", "s"}, {"groups", "g"},
                                                               {"channels", "_c"},  {"ci", "_"},     {"co", "x"},
                                                               {"activation", "_"}, {"dtype", "_"}};

}  // namespace

KernelSpec &KernelSpec::set(const std::string &param, int value) {
    params[param] = std::to_string(value);
    return *this;
}

KernelSpec &KernelSpec::set(const std::string &param, bool value) {
    params[param] = value ? "true" : "false";
    return *this;
}

KernelSpec &KernelSpec::set(const std::string &param, const std::string &value) {
    params[param] = value;
    return *this;
}

std::string KernelSpec::name() const {
    std::string result = generator;
    std::map<std::string, std::string> rest = params;
    for (const auto &[param, prefix] : kSpelling) {
        const auto found = rest.find(param);
        if (found == rest.end()) continue;
        result += prefix + found->second;
        rest.erase(found);
    }
    for (const auto &[param, value] : rest) {
        if (value == "true") {
            result += "_" + param;
        } else if (value != "false") {
            result += "_" + param + value;
        }
    }
    return result;
}

}  // namespace afnet
