// Devices that networks could run on, as their drivers list them.
#include "model/installation.h"

#include "model/machine.h"
#include "runtime/cuda_driver.h"
#include "runtime/error.h"
#include "runtime/opencl_driver.h"
#include "runtime/vendor_convolution.h"

namespace afnet {

namespace {

// Why no library in the folder serves a device; empty: one does.
std::string library_obstacle(const Installation &here, const InstalledDevice &device) {
    std::string first;
    for (const Target &target : targets()) {
        if (target.gpu != device.interface || cuda_capability(target) > device.cuda_capability) continue;
        if (!here.libraries_for(target).empty()) return "";
        if (first.empty()) first = target.name;
    }
    return "no kernel library for it: run `afnet compile --target " + first + " --model MODEL`";
}

InstalledDevice absent(GpuInterface interface, const Error &error) {
    InstalledDevice device;
    device.interface = interface;
    device.obstacle = error.what();
    return device;
}

void add_cuda(const Installation &here, std::vector<InstalledDevice> &all) {
    try {
        for (const CudaDevice &cuda : cuda_devices()) {
            InstalledDevice device{GpuInterface::Cuda, cuda.name,       "",
                                   cuda.memory_bytes,  cuda.capability, cuda_obstacle(cuda), {}};
            if (device.obstacle.empty()) device.obstacle = library_obstacle(here, device);
            if (device.obstacle.empty()) {
                for (const Vendor vendor : {Vendor::Cudnn, Vendor::CublasLt})
                    device.vendor_libraries.emplace_back(vendor_name(vendor), vendor_obstacle(vendor));
            }
            all.push_back(device);
        }
    } catch (const Error &error) {
        all.push_back(absent(GpuInterface::Cuda, error));
    }
}

void add_opencl(const Installation &here, std::vector<InstalledDevice> &all) {
    try {
        for (const OpenClDevice &opencl : opencl_devices()) {
            InstalledDevice device{GpuInterface::OpenCl, opencl.name, opencl.platform, opencl.memory_bytes, 0, "", {}};
            device.obstacle = library_obstacle(here, device);
            all.push_back(device);
        }
    } catch (const Error &error) {
        all.push_back(absent(GpuInterface::OpenCl, error));
    }
}

} // namespace

std::vector<InstalledDevice> installed_devices(const Installation &here) {
    InstalledDevice cpu;
    cpu.name = cpu_name();
    if (!here.chosen) cpu.obstacle = here.why;
    std::vector<InstalledDevice> all = {cpu};
    add_cuda(here, all);
    add_opencl(here, all);
    return all;
}

} // namespace afnet
