// A confusion matrix as a picture.
#pragma once

#include <string>
#include <vector>

#include "runtime/rgb_frame.h"

namespace afnet {

/// Rows are true classes and columns what clips were taken for; a cell is the darker, the larger its part of the row.
/// Names stand beside rows and, as numbers, above columns, where cells are large enough for that.
RgbFrame confusion_picture(const std::vector<size_t> &matrix, const std::vector<std::string> &classes,
                           const std::string &title);

} // namespace afnet
