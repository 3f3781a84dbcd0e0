// The option --dtype of all commands that run or describe networks.
#pragma once

#include "runtime/dtype.h"

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace afnet {

/// Adds --dtype, which sets `dtype`; that must outlive the parsing.
CLI::Option *add_dtype_option(CLI::App &app, Dtype &dtype);

} // namespace afnet
