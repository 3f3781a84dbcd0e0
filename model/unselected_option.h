// The option --unselected of commands that run a trained network.
#pragma once

#include <optional>

#include "model/command_line.h"
#include "model/unselected.h"

namespace afnet {

/// Adds --unselected, which sets `unselected`; that must outlive the parsing.
void add_unselected_option(CommandLine &app, std::optional<Unselected> &unselected);

} // namespace afnet
