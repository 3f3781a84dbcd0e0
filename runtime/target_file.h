// Targets that a user describes in a file, beside those of the table in runtime/target.cpp.
#pragma once

#include <string>
#include <vector>

#include "runtime/target.h"

namespace afnet {

/// The targets of a JSON text, {"targets": [{"name", "halide", "features", "linker"?, "dtypes"?, "forbidden"?}]}
/// (docs/targets.md). Throws Error with `where` and the field that is wrong; a name of `taken` is wrong, too.
std::vector<Target> parse_targets(const std::string &text, const std::vector<std::string> &taken,
                                  const std::string &where);

} // namespace afnet
