#include "model/unselected_option.h"

namespace afnet {

void add_unselected_option(CommandLine &app, std::optional<Unselected> &unselected) {
    app.add_option_function<std::string>(
           "--unselected", [&unselected](const std::string &name) { unselected = unselected_named(name); },
           "What unselected frames get in focal blocks; default: as in training")
        .one_of(unselected_names());
}

} // namespace afnet
