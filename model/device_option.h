// The options --device and --vendor-kernels of all commands that run networks, and the kernels that follow from them.
#pragma once

#include "model/command_line.h"
#include "runtime/device_choice.h"
#include "runtime/vendor_policy.h"

namespace afnet {

struct DeviceOptions {
    DeviceChoice device = DeviceChoice::Cpu;
    VendorPolicy vendor;
};

/// Adds both, which set `options`; that must outlive the parsing.
void add_device_options(CommandLine &app, DeviceOptions &options);

/// The kernel libraries of the chosen device in the folder of kernels; `auto` takes those of a GPU where they hold all
/// that is `needed`. Says on standard error why it takes the CPU, unless `quiet`. Throws Error as
/// choose_device_target() does, UsageError where vendors' kernels are asked for and the device is none of CUDA.
KernelStore device_kernels(const DeviceOptions &options, Dtype dtype, const NeededKernels &needed, bool quiet);

} // namespace afnet
