#include "tests/gpu/device_memory.h"

#include <algorithm>
#include <cstdlib>
#include <dlfcn.h>

#include "HalideRuntimeOpenCL.h"
#include "runtime/error.h"
#include "runtime/halide_host.h"

namespace afnet {

namespace {

void require_success(int status, const char *what) {
    if (status == 0) return;
    const std::string words = take_halide_errors();
    throw Error(std::string(what) + ": status " + std::to_string(status) + ": " + words);
}

// Null where the runtime that this build links launches nothing on GPUs: runtime/CMakeLists.txt.
const halide_device_interface_t *opencl() {
#if defined(__x86_64__)
    return halide_opencl_device_interface();
#else
    return nullptr;
#endif
}

// Halide asks for libOpenCL.so; Debian has that name for developers only.
void *open_library(const char *name) {
    void *library = dlopen(name, RTLD_LAZY);
    return library ? library : dlopen((std::string(name) + ".1").c_str(), RTLD_LAZY);
}

std::string find_device() {
    if (!opencl()) return "no OpenCL platform: not in builds for this architecture";
    ::setenv("POCL_CACHE_DIR", AFNET_POCL_CACHE, 0);
    halide_set_custom_load_library(open_library);
    take_halide_errors();
    uint8_t byte = 0;
    Halide::Runtime::Buffer<uint8_t> probe(&byte, 1);
    const int status = probe.device_malloc(opencl());
    probe.device_free();
    const std::string words = take_halide_errors();
    return status == 0 ? "" : "no OpenCL platform: " + words;
}

} // namespace

DeviceMemory::DeviceMemory(const std::vector<halide_buffer_t *> &buffers) {
    for (halide_buffer_t *buffer : buffers) {
        const Halide::Runtime::Buffer<void> view(*buffer);
        uint8_t *begin = static_cast<uint8_t *>(view.data()), *end = begin + view.size_in_bytes();
        const auto overlapping = std::find_if(blocks_.begin(), blocks_.end(),
                                              [&](const Block &b) { return begin < b.end && b.begin < end; });
        if (overlapping == blocks_.end()) {
            blocks_.push_back({begin, end, {}, {}, {buffer}});
            continue;
        }
        if (overlapping->begin != begin) throw Error("arguments that share memory must begin at one place");
        overlapping->end = std::max(overlapping->end, end);
        overlapping->buffers.push_back(buffer);
    }
    for (Block &block : blocks_) {
        block.extent = {0, int32_t(block.end - block.begin), 1, 0};
        block.bytes = {};
        block.bytes.host = block.begin;
        block.bytes.type = halide_type_of<uint8_t>();
        block.bytes.dimensions = 1;
        block.bytes.dim = &block.extent;
        block.bytes.set_host_dirty(true);
        require_success(halide_copy_to_device(nullptr, &block.bytes, opencl()), "copying to the device");
        for (halide_buffer_t *buffer : block.buffers) {
            buffer->device = block.bytes.device;
            buffer->device_interface = block.bytes.device_interface;
            buffer->flags = 0;
        }
    }
}

void DeviceMemory::copy_back() {
    for (Block &block : blocks_) {
        block.bytes.set_device_dirty(true);
        require_success(halide_copy_to_host(nullptr, &block.bytes), "copying from the device");
    }
}

DeviceMemory::~DeviceMemory() {
    for (Block &block : blocks_) {
        for (halide_buffer_t *buffer : block.buffers) {
            buffer->device = 0;
            buffer->device_interface = nullptr;
            buffer->flags = 0;
        }
        halide_device_free(nullptr, &block.bytes);
    }
}

const std::string &opencl_obstacle() {
    static const std::string obstacle = find_device();
    return obstacle;
}

} // namespace afnet
