// Models as commands that compile take them.
#pragma once

#include <string>
#include <vector>

#include "model/description.h"

namespace afnet {

/// Shipped models by name, `all` of them, or files with a description (*.json). Throws Error or UsageError.
std::vector<ModelDescription> described_models(const std::vector<std::string> &models);

} // namespace afnet
