#include "model/device_option.h"

#include <cstdio>

namespace afnet {

CommandOption add_device_option(CommandLine &app, DeviceChoice &device) {
    return app
        .add_option_function<std::string>(
            "--device", [&device](const std::string &name) { device = device_named(name); },
            "What networks run on; auto: a CUDA GPU that has kernels for it, else the CPU (docs/devices.md)")
        .one_of(device_names())
        .default_str(device_names().front());
}

KernelStore device_kernels(DeviceChoice device, Dtype dtype, const NeededKernels &needed, bool quiet) {
    const std::string folder = kernel_folder();
    std::string why_cpu;
    const Target &target = choose_device_target(device, folder, dtype, needed, why_cpu);
    if (!why_cpu.empty() && !quiet) std::fprintf(stderr, "afnet: running on the CPU: %s\n", why_cpu.c_str());
    return KernelStore(folder, target);
}

} // namespace afnet
