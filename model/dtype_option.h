// The option --dtype of all commands that run or describe networks.
#pragma once

#include "model/command_line.h"
#include "runtime/dtype.h"

namespace afnet {

/// Adds --dtype, which sets `dtype`; that must outlive the parsing.
CommandOption add_dtype_option(CommandLine &app, Dtype &dtype);

} // namespace afnet
