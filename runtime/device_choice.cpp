#include "runtime/device_choice.h"

#include <algorithm>

#include "runtime/cuda_driver.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/text.h"

namespace afnet {

namespace {

// In the order of DeviceChoice.
const std::vector<std::string> kNames = {"cpu", "cuda", "opencl", "auto"};

const Target &device_target(GpuInterface interface, const std::string &folder, Dtype dtype) {
    const Device &device = open_device(interface);
    std::vector<std::string> names;
    const Target *best = nullptr;
    for (const Target &target : targets()) {
        if (target.gpu != interface) continue;
        names.push_back(target.name);
        if (cuda_capability(target) > device.cuda_capability) continue;
        if (has_dtype(target, dtype) && has_kernel_libraries(folder, target)) best = &target;
    }
    if (best) return *best;
    const std::string word = device_word(interface);
    const bool computed = std::any_of(names.begin(), names.end(),
                                      [&](const std::string &name) { return has_dtype(target_named(name), dtype); });
    if (!computed) {
        throw Error("--device " + word + ": no kernels of dtype " + dtype_name(dtype) +
                    "; take --dtype f32 or --device cpu");
    }
    throw Error("--device " + word + ": " + folder + " has no kernel library for " + device.name +
                "; run `afnet compile --target " + names.front() + " --model MODEL`, or take --device cpu");
}

std::string cuda_device_of(const Target &target) {
    const CudaDevice device = cuda_devices().front();
    if (const std::string obstacle = cuda_obstacle(device); !obstacle.empty())
        throw Error("no CUDA: " + device.name + ": " + obstacle);
    const int needed = cuda_capability(target);
    if (device.capability >= needed) return device.name;
    throw Error("no CUDA: " + device.name + ": compute capability " + capability_text(device.capability) +
                "; its kernels need " + capability_text(needed) + ". Take another GPU (CUDA_VISIBLE_DEVICES) or target");
}

// Null where there is none; `why_not` says why.
const Target *gpu_target(const std::string &folder, Dtype dtype, std::string &why_not) {
    try {
        return &device_target(GpuInterface::Cuda, folder, dtype);
    } catch (const Error &error) {
        why_not = error.what();
        return nullptr;
    }
}

} // namespace

const std::vector<std::string> &device_names() {
    return kNames;
}

DeviceChoice device_named(const std::string &name) {
    const auto found = std::find(kNames.begin(), kNames.end(), name);
    if (found == kNames.end()) throw UsageError("unknown device '" + name + "'; known are " + join(kNames));
    return DeviceChoice(found - kNames.begin());
}

std::string device_of(const Target &target) {
    try {
        return target.gpu == GpuInterface::Cuda ? cuda_device_of(target) : open_device(target.gpu).name;
    } catch (const Error &error) {
        throw Error("target " + target.name + ": " + error.what());
    }
}

const Target &choose_device_target(DeviceChoice choice, const std::string &folder, Dtype dtype,
                                   const NeededKernels &needed, std::string &why_cpu) {
    why_cpu.clear();
    switch (choice) {
    case DeviceChoice::Cuda:
        return device_target(GpuInterface::Cuda, folder, dtype);
    case DeviceChoice::OpenCl:
        return device_target(GpuInterface::OpenCl, folder, dtype);
    case DeviceChoice::Auto:
        if (const Target *target = gpu_target(folder, dtype, why_cpu)) {
            why_cpu = KernelStore(folder, *target).lack_of(needed());
            if (why_cpu.empty()) return *target;
        }
        break;
    case DeviceChoice::Cpu:
        break;
    }
    return choose_library_target(folder, nullptr, dtype);
}

} // namespace afnet
