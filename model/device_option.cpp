#include "model/device_option.h"

#include <cstdio>

#include "runtime/error.h"

namespace afnet {

void add_device_options(CommandLine &app, DeviceOptions &options) {
    app.add_option_function<std::string>(
           "--device", [&options](const std::string &name) { options.device = device_named(name); },
           "What networks run on; auto: a CUDA GPU that has kernels for it, else the CPU (docs/devices.md)")
        .one_of(device_names())
        .default_str(device_names().front());
    app.add_option_function<std::string>(
           "--vendor-kernels", [&options](const std::string &name) { options.vendor = vendor_policy_named(name); },
           "On CUDA, layers by cuDNN and cuBLASLt: as records say, or all that these know, with factors rounded so "
           "(docs/gpu.md)")
        .one_of(vendor_policy_names())
        .default_str(vendor_policy_name(options.vendor));
}

KernelStore device_kernels(const DeviceOptions &options, Dtype dtype, const NeededKernels &needed, bool quiet) {
    if (options.vendor.use == VendorPolicy::Use::Everywhere && options.device != DeviceChoice::Cuda &&
        options.device != DeviceChoice::Auto) {
        throw UsageError("--vendor-kernels " + vendor_policy_name(options.vendor) + " needs --device cuda");
    }
    const std::string folder = kernel_folder();
    std::string why_cpu;
    const Target &target = choose_device_target(options.device, folder, dtype, needed, why_cpu);
    if (!why_cpu.empty() && !quiet) std::fprintf(stderr, "afnet: running on the CPU: %s\n", why_cpu.c_str());
    return KernelStore(folder, target, options.vendor);
}

} // namespace afnet
