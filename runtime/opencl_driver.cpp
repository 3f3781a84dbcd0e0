#include "runtime/opencl_driver.h"

#include <algorithm>
#include <cstdint>
#include <dlfcn.h>

#include "HalideRuntimeOpenCL.h"
#include "runtime/error.h"
#include "runtime/halide_host.h"

extern "C" {
// Halide's runtime has them, its headers do not.
int halide_acquire_cl_context(void *user_context, void **context, void **queue, bool create);
int halide_release_cl_context(void *user_context);
}

namespace afnet {

namespace {

constexpr const char *kLibrary = "libOpenCL.so.1";
// Numbers of the interface (CL/cl.h).
constexpr unsigned kPlatformName = 0x0902;
constexpr uint64_t kAllKinds = 0xFFFFFFFF;
constexpr unsigned kContextDevices = 0x1081, kDeviceName = 0x102B, kBaseAddressBits = 0x1019, kGlobalMemory = 0x101F;

[[noreturn]] void refuse(const std::string &what) {
    throw Error(
        "no OpenCL: " + what +
        "; install a driver (packages ocl-icd-libopencl1 and, for CPUs, pocl-opencl-icd), or take --device cpu");
}

template <class Function> Function function(void *library, const char *name) {
    void *address = dlsym(library, name);
    if (!address) refuse(std::string(kLibrary) + " lacks " + name);
    return reinterpret_cast<Function>(address);
}

// The library with its functions, which stays open: Halide holds them too.
void *open_library() {
    void *library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
    if (!library) refuse(dlerror());
    return library;
}

// At least one.
std::vector<void *> platforms_of(void *library) {
    const auto platforms = function<int (*)(unsigned, void **, unsigned *)>(library, "clGetPlatformIDs");
    unsigned count = 0;
    if (platforms(0, nullptr, &count) != 0 || count == 0) refuse("no platform is installed");
    std::vector<void *> all(count);
    if (platforms(count, all.data(), nullptr) != 0) refuse("its platforms cannot be listed");
    return all;
}

OpenClDevice describe(void *library, void *device) {
    const auto tell = function<int (*)(void *, unsigned, size_t, void *, size_t *)>(library, "clGetDeviceInfo");
    char name[256] = "";
    unsigned bits = 0;
    uint64_t memory = 0;
    if (tell(device, kDeviceName, sizeof name - 1, name, nullptr) != 0 ||
        tell(device, kBaseAddressBits, sizeof bits, &bits, nullptr) != 0 ||
        tell(device, kGlobalMemory, sizeof memory, &memory, nullptr) != 0) {
        refuse("a device tells nothing about itself");
    }
    OpenClDevice result;
    result.name = name;
    result.alignment_bytes = std::max(size_t(bits / 8), size_t(64));
    result.memory_bytes = memory;
    return result;
}

// Holds Halide's context, which other threads wait for.
class Context {
public:
    Context() {
        void *queue = nullptr;
        const int status = halide_acquire_cl_context(nullptr, &context_, &queue, true);
        if (status == 0 && context_) return;
        if (status == 0) halide_release_cl_context(nullptr);
        const std::string words = take_halide_errors();
        refuse(words.empty() ? "no device" : words);
    }
    ~Context() { halide_release_cl_context(nullptr); }
    void *get() const { return context_; }

private:
    void *context_ = nullptr;
};

OpenClDevice open_first() {
    void *library = open_library();
    platforms_of(library);
    // Loads the interface's functions, which the context needs, without an error where there is no device.
    int major = 0, minor = 0;
    halide_opencl_device_interface()->compute_capability(nullptr, &major, &minor);
    take_halide_errors();

    const Context context;
    const auto of_context = function<int (*)(void *, unsigned, size_t, void *, size_t *)>(library, "clGetContextInfo");
    void *device = nullptr;
    if (of_context(context.get(), kContextDevices, sizeof device, &device, nullptr) != 0)
        refuse("its context has no device");
    return describe(library, device);
}

} // namespace

std::vector<OpenClDevice> opencl_devices() {
    void *library = open_library();
    const auto devices = function<int (*)(void *, uint64_t, unsigned, void **, unsigned *)>(library, "clGetDeviceIDs");
    const auto tell = function<int (*)(void *, unsigned, size_t, void *, size_t *)>(library, "clGetPlatformInfo");
    std::vector<OpenClDevice> all;
    for (void *platform : platforms_of(library)) {
        unsigned count = 0;
        if (devices(platform, kAllKinds, 0, nullptr, &count) != 0 || count == 0) continue;
        std::vector<void *> ids(count);
        char name[256] = "";
        if (devices(platform, kAllKinds, count, ids.data(), nullptr) != 0 ||
            tell(platform, kPlatformName, sizeof name - 1, name, nullptr) != 0)
            continue;
        for (void *id : ids) {
            all.push_back(describe(library, id));
            all.back().platform = name;
        }
    }
    if (all.empty()) refuse("no platform has a device");
    return all;
}

const OpenClDevice &open_opencl() {
    static const OpenClDevice device = open_first(); // tried again where it threw
    return device;
}

} // namespace afnet
