// The option --device of all commands that run networks, and the kernels that follow from it.
#pragma once

#include "model/command_line.h"
#include "runtime/device_choice.h"

namespace afnet {

/// Adds --device, which sets `device`; that must outlive the parsing.
CommandOption add_device_option(CommandLine &app, DeviceChoice &device);

/// The kernel libraries of the chosen device in the folder of kernels; `auto` takes those of a GPU where they hold all
/// that is `needed`. Says on standard error why it takes the CPU, unless `quiet`. Throws Error as
/// choose_device_target() does.
KernelStore device_kernels(DeviceChoice device, Dtype dtype, const NeededKernels &needed, bool quiet);

} // namespace afnet
