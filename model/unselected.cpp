#include "model/unselected.h"

#include <algorithm>

namespace afnet {

const std::vector<std::string> &unselected_names() {
    static const std::vector<std::string> names = {"masked", "skipped"};
    return names;
}

const std::string &unselected_name(Unselected unselected) {
    return unselected_names()[size_t(unselected)];
}

std::optional<Unselected> unselected_named(const std::string &name) {
    const auto &names = unselected_names();
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return std::nullopt;
    return Unselected(found - names.begin());
}

} // namespace afnet
