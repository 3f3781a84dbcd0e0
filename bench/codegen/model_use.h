// Which layers of a model run a kernel, whether the kernel's target runs here or not.
#pragma once

#include <string>
#include <vector>

#include "bench/codegen/kernel_code.h"

namespace afnet {

/// Fills in KernelCode::use for a run of the model on clips of `frames` frames (0: what it is for), `size` pixels wide
/// and high, unselected frames masked. Throws as load_model() and lower().
void note_uses(const std::string &model, int frames, int size, std::vector<KernelCode> &codes);

} // namespace afnet
