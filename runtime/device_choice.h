// What --device says, and which kernel libraries follow from it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/kernel_library.h"

namespace afnet {

enum class DeviceChoice {
    Cpu,
    Cuda,
    OpenCl,
    Auto, // CUDA where there is a GPU, else the CPU
};

/// `cpu`, `cuda`, `opencl`, `auto`.
const std::vector<std::string> &device_names();
/// Throws UsageError for other names.
DeviceChoice device_named(const std::string &name);

/// The kernels of all that is going to run; asked for with Auto only.
using NeededKernels = std::function<std::vector<KernelSpec>()>;

/// The name of the device that a GPU target's kernels run on, as its driver calls it. A CUDA device is not opened for
/// it: another process may be the only one that can. Throws Error, which begins with the target, where there is none,
/// or it cannot run them.
std::string device_of(const Target &target);

/// The target whose libraries in `folder` run on the chosen device, which is opened: of a GPU's targets the last that
/// the GPU can run. Throws Error where there is no such device or driver, no library for it, or none of `dtype`. With
/// Auto, `why_cpu` says so instead, or which of the kernels that are needed the GPU's libraries lack (it stays empty
/// where a GPU is taken).
const Target &choose_device_target(DeviceChoice choice, const std::string &folder, Dtype dtype,
                                   const NeededKernels &needed, std::string &why_cpu);

} // namespace afnet
