// C headers of kernel libraries, for programs that call kernels themselves (docs/kernels-from-c.md).
#pragma once

#include <string>

#include "runtime/kernel_library.h"

namespace afnet {

/// A C header that declares the library's kernels, in the order of its manifest, with what each computes and the type
/// and dimensions of its arguments.
std::string kernel_header(const KernelLibrary &library);

} // namespace afnet
