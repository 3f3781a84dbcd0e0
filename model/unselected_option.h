// The option --unselected of commands that run a trained network.
#pragma once

#include <optional>

#include "model/unselected.h"

namespace CLI {
class App;
} // namespace CLI

namespace afnet {

/// Adds --unselected, which sets `unselected`; that must outlive the parsing.
void add_unselected_option(CLI::App &app, std::optional<Unselected> &unselected);

} // namespace afnet
