// Which convolutions AMX's tile registers serve: a rule of kernel specs, which a target's list of kernels and the
// generator (conv2d_tile_terms, schedules/conv2d_amx.cpp) follow alike.
#pragma once

#include "runtime/kernel_spec.h"

namespace afnet {

/// bf16 convolutions whose input channels per group, or per frame where TSM takes them from three, are a multiple of 16
/// (32 fill a register), and whose output channels per group are one of 16.
bool fits_tile_registers(const KernelSpec &spec);

} // namespace afnet
