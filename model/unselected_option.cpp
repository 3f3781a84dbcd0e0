#include "model/unselected_option.h"

#include <CLI/CLI.hpp>

namespace afnet {

void add_unselected_option(CLI::App &app, std::optional<Unselected> &unselected) {
    app.add_option_function<std::string>(
           "--unselected", [&unselected](const std::string &name) { unselected = unselected_named(name); },
           "What unselected frames get in focal blocks; default: as in training")
        ->check(CLI::IsMember(unselected_names()));
}

} // namespace afnet
