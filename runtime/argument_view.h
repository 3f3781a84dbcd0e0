// What part of a stored tensor an argument of a kernel sees.
#pragma once

#include <string>
#include <vector>

#include "HalideRuntime.h"
#include "runtime/plan.h"

namespace afnet {

/// Minima, extents and strides for the kernel, and the element of the stored tensor where the view begins.
struct ArgumentView {
    std::vector<halide_dimension_t> dimensions;
    size_t offset = 0;
};

/// The view of `argument` on a tensor whose dimensions lie `strides` elements apart. Throws Error, which begins with
/// `where`, when a flat view would have gaps.
ArgumentView argument_view(const Argument &argument, const TensorInfo &tensor, const std::vector<int> &strides,
                           const std::string &where);

/// Extents for messages, e.g. `[64, 7, 7, 8]`.
std::string shape_text(const std::vector<int> &extents);

} // namespace afnet
