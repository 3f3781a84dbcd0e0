// What --device says, and which kernel libraries follow from it.
#pragma once

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

/// The target whose libraries in `folder` run on the chosen device, which is opened: of a GPU's targets the last that
/// the GPU can run. Throws Error where there is no such device or driver, no library for it, or none of `dtype`; with
/// Auto, `why_cpu` says so instead (it stays empty where a GPU is taken).
const Target &choose_device_target(DeviceChoice choice, const std::string &folder, Dtype dtype, std::string &why_cpu);

} // namespace afnet
