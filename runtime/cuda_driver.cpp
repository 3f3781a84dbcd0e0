#include "runtime/cuda_driver.h"

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <mutex>

#include "HalideRuntimeCuda.h"
#include "runtime/error.h"

namespace afnet {

namespace {

constexpr const char *kLibrary = "libcuda.so.1";
constexpr int kOldestCapability = 80; // of the PTX in kernel libraries
// Numbers of the driver's interface (cuda.h).
constexpr int kNoDevice = 100, kCapabilityMajor = 75, kCapabilityMinor = 76;
constexpr unsigned kNonBlocking = 1, kThreadLocal = 1;

// Plain pointers: Halide asks for them until the very end of the process.
void *context = nullptr;
void *own_stream = nullptr;
thread_local void *thread_stream = nullptr;
bool shared = false;

// The driver's functions, by their names in the library.
class Driver {
public:
    Driver() : library_(dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL)) {
        if (library_) return;
        const char *words = dlerror();
        throw Error(std::string("no CUDA: ") + (words ? words : kLibrary) +
                    "; install NVIDIA's driver, or take --device cpu");
    }

    template <class... Arguments> int call(const char *name, Arguments... arguments) const {
        void *address = dlsym(library_, name);
        if (!address) throw Error(std::string("no CUDA: ") + kLibrary + " lacks " + name + "; update NVIDIA's driver");
        return reinterpret_cast<int (*)(Arguments...)>(address)(arguments...);
    }

    // The same; throws Error with the driver's words unless it succeeds.
    template <class... Arguments> void require(const char *name, Arguments... arguments) const {
        const int status = call(name, arguments...);
        if (status != 0) {
            throw Error(std::string("no CUDA: ") + name + " failed: " + words(status) +
                        "; see whether nvidia-smi lists the GPU, or take --device cpu");
        }
    }

    bool has(const char *name) const { return dlsym(library_, name) != nullptr; }

    std::string words(int status) const {
        const char *text = nullptr;
        if (void *address = dlsym(library_, "cuGetErrorString")) {
            reinterpret_cast<int (*)(int, const char **)>(address)(status, &text);
        }
        return text ? text : "status " + std::to_string(status);
    }

private:
    void *library_; // stays open: Halide holds its functions
};

// Halide's runtime asks for libcuda.so, which only the development files have.
void *load_library(const char *name) {
    if (std::strcmp(name, "libcuda.so") == 0) return dlopen(kLibrary, RTLD_LAZY);
    return halide_default_load_library(name);
}

void hand_context_to_halide() {
    ::setenv("HL_CUDA_JIT_MAX_REGISTERS", "255", 0);
    halide_set_custom_load_library(load_library);
    halide_set_cuda_acquire_context([](void *, void **acquired, bool) {
        *acquired = context;
        return 0;
    });
    halide_set_cuda_release_context([](void *) { return 0; });
    halide_set_cuda_get_stream([](void *, void *, void **stream) {
        *stream = cuda_stream();
        return 0;
    });
}

CudaDevice describe(const Driver &driver, int device) {
    CudaDevice result;
    char name[256] = "";
    driver.require("cuDeviceGetName", &name[0], int(sizeof name), device);
    result.name = name;
    int major = 0, minor = 0;
    driver.require("cuDeviceGetAttribute", &major, kCapabilityMajor, device);
    driver.require("cuDeviceGetAttribute", &minor, kCapabilityMinor, device);
    result.capability = 10 * major + minor;
    driver.require("cuDeviceTotalMem_v2", &result.memory_bytes, device);
    return result;
}

// At least one.
int count_devices(const Driver &driver) {
    const int status = driver.call("cuInit", 0u);
    int count = 0;
    if (status != 0 && status != kNoDevice) {
        throw Error("no CUDA: cuInit failed: " + driver.words(status) +
                    "; see whether nvidia-smi works, or take --device cpu");
    }
    if (status == 0) driver.require("cuDeviceGetCount", &count);
    if (count == 0) {
        throw Error(
            "no CUDA: the driver shows no GPU; look at nvidia-smi and CUDA_VISIBLE_DEVICES, or take --device cpu");
    }
    return count;
}

int device_number(const Driver &driver, int index) {
    int device = 0;
    driver.require("cuDeviceGet", &device, index);
    return device;
}

// The device that `shared_context` is of.
int device_of(const Driver &driver, void *shared_context) {
    int device = 0;
    void *popped = nullptr;
    driver.require("cuCtxPushCurrent_v2", shared_context);
    const int status = driver.call("cuCtxGetDevice", &device);
    driver.require("cuCtxPopCurrent_v2", &popped);
    if (status != 0) throw Error("no CUDA: the caller's context has no device: " + driver.words(status));
    return device;
}

CudaDevice open_device_and_stream() {
    const Driver driver;
    count_devices(driver);
    void *chosen = shared ? context : nullptr;
    const int device = shared ? device_of(driver, chosen) : device_number(driver, 0);
    const CudaDevice described = describe(driver, device);
    if (const std::string obstacle = cuda_obstacle(described); !obstacle.empty())
        throw Error("no CUDA: " + described.name + ": " + obstacle);
    if (!shared) driver.require("cuDevicePrimaryCtxRetain", &chosen, device);
    void *stream = nullptr, *popped = nullptr;
    driver.require("cuCtxPushCurrent_v2", chosen);
    const int status = driver.call("cuStreamCreate", &stream, kNonBlocking);
    driver.require("cuCtxPopCurrent_v2", &popped);
    if (status != 0) throw Error("no CUDA: cuStreamCreate failed: " + driver.words(status));
    context = chosen;
    own_stream = stream;
    hand_context_to_halide();
    return described;
}

} // namespace

std::vector<CudaDevice> cuda_devices() {
    const Driver driver;
    std::vector<CudaDevice> all;
    for (int i = 0, count = count_devices(driver); i < count; i++)
        all.push_back(describe(driver, device_number(driver, i)));
    return all;
}

std::string capability_text(int capability) {
    return std::to_string(capability / 10) + "." + std::to_string(capability % 10);
}

std::string cuda_obstacle(const CudaDevice &device) {
    if (device.capability >= kOldestCapability) return "";
    return "compute capability " + capability_text(device.capability) + "; kernels need " +
           capability_text(kOldestCapability) + ". Take another GPU (CUDA_VISIBLE_DEVICES) or --device cpu";
}

const CudaDevice &open_cuda() {
    static const CudaDevice device = open_device_and_stream(); // tried again where it threw
    return device;
}

namespace {

const Driver &opened_driver() {
    static const Driver driver;
    return driver;
}

} // namespace

CurrentCudaContext::CurrentCudaContext() {
    opened_driver().require("cuCtxPushCurrent_v2", context);
}

CurrentCudaContext::~CurrentCudaContext() {
    void *popped = nullptr;
    opened_driver().call("cuCtxPopCurrent_v2", &popped);
}

namespace {

// A stream of its own to record on: the caller's may be one that cannot, or be recorded by the caller.
class RecordingStream {
public:
    explicit RecordingStream(const Driver &driver) : driver_(driver), before_(thread_stream) {
        if (driver_.call("cuStreamCreate", &stream_, kNonBlocking) != 0) return;
        recording_ = driver_.call("cuStreamBeginCapture_v2", stream_, kThreadLocal) == 0;
        if (recording_) thread_stream = stream_;
    }
    ~RecordingStream() {
        if (void *unfinished = recording_ ? end() : nullptr) driver_.call("cuGraphExecDestroy", unfinished);
        if (stream_) driver_.call("cuStreamDestroy_v2", stream_);
    }
    bool recording() const { return recording_; }

    // Null where something could not be recorded.
    void *end() {
        void *graph = nullptr, *executable = nullptr;
        recording_ = false;
        thread_stream = before_;
        if (driver_.call("cuStreamEndCapture", stream_, &graph) != 0 || !graph) return nullptr;
        const int status = driver_.call("cuGraphInstantiateWithFlags", &executable, graph, 0ull);
        driver_.call("cuGraphDestroy", graph);
        return status == 0 ? executable : nullptr;
    }

private:
    const Driver &driver_;
    void *before_, *stream_ = nullptr;
    bool recording_ = false;
};

bool graphs_wanted() {
    const char *set = std::getenv("AFNET_CUDA_GRAPH");
    return !set || std::strcmp(set, "0") != 0;
}

} // namespace

std::unique_ptr<CudaGraph> CudaGraph::record(const std::function<void()> &launches) {
    const Driver &driver = opened_driver();
    if (!graphs_wanted() || !driver.has("cuStreamBeginCapture_v2") || !driver.has("cuGraphInstantiateWithFlags"))
        return nullptr;
    const CurrentCudaContext current;
    RecordingStream stream(driver);
    if (!stream.recording()) return nullptr;
    launches();
    void *executable = stream.end();
    if (!executable) return nullptr;
    return std::unique_ptr<CudaGraph>(new CudaGraph(executable));
}

CudaGraph::~CudaGraph() {
    opened_driver().call("cuGraphExecDestroy", executable_);
}

void CudaGraph::launch() {
    const CurrentCudaContext current;
    const int status = opened_driver().call("cuGraphLaunch", executable_, cuda_stream());
    if (status == 0) return;
    throw Error("a launch of all kernels failed on " + open_cuda().name + ": " + opened_driver().words(status) +
                "; run again, or take --device cpu");
}

void share_cuda_context(void *shared_context) {
    if (context && context != shared_context) {
        throw Error("a CUDA context is in use already; share the caller's before the first kernel is looked for");
    }
    context = shared_context;
    shared = true;
}

void use_cuda_stream(void *stream) {
    thread_stream = stream;
}

void *cuda_context() {
    return context;
}

void *cuda_stream() {
    return thread_stream ? thread_stream : own_stream;
}

} // namespace afnet
