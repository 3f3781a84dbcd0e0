#include "tests/fake_cuda/fake_cuda.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace {

// Never destroyed: Halide's runtime frees what it kept when the process ends.
std::recursive_mutex &mutex = *new std::recursive_mutex;
std::string &log_text = *new std::string;
std::map<void *, size_t> &blocks = *new std::map<void *, size_t>;
size_t allocated_bytes = 0;
int lost = 0; // the status that the context was lost with
void *last_stream = nullptr;
// Of one launch, by Halide's kernels nothing.
struct Launch {
    std::string text;
    std::function<void()> work;
};
using Graph = std::vector<Launch>;
Graph *recording = nullptr; // the launches of a graph that is being recorded
std::map<std::string, int> &calls_of = *new std::map<std::string, int>;
struct Fault {
    std::string function;
    int status = 0, calls = 0;
};
Fault &fault = *new Fault;

int number(const char *name, int otherwise) {
    const char *set = std::getenv(name);
    return set ? std::atoi(set) : otherwise;
}

void write_down(const std::string &line) {
    log_text += line + "\n";
    static const char *path = std::getenv("FAKE_CUDA_LOG");
    if (!path) return;
    if (std::FILE *file = std::fopen(path, "a")) {
        std::fprintf(file, "%s\n", line.c_str());
        std::fclose(file);
    }
}

void read_environment() {
    static bool read = false;
    const char *set = std::getenv("FAKE_CUDA_FAIL");
    if (read || !set) return;
    read = true;
    char name[64] = "";
    if (std::sscanf(set, "%63s %d %d", name, &fault.status, &fault.calls) == 3) fault.function = name;
}

// What a call returns: 0 unless it shall fail.
int status_of(const char *function, bool touches_device = true) {
    read_environment();
    const int before = calls_of[function]++;
    if (fault.status != 0 && fault.function == function && before >= fault.calls) {
        if (fault.status >= 700 && fault.status < 800) lost = fault.status;
        return fault.status;
    }
    return touches_device ? lost : 0;
}

void note_stream(void *stream) {
    if (stream == last_stream) return;
    last_stream = stream;
    char text[64];
    std::snprintf(text, sizeof text, "stream %p", stream);
    write_down(text);
}

using Lock = std::lock_guard<std::recursive_mutex>;

constexpr int kNoContext = 201;
constexpr size_t kAlignment = 256; // of the device's blocks
thread_local int contexts = 0;     // that are pushed

int launch(Launch call, void *stream) {
    note_stream(stream);
    write_down((recording ? "record " : "launch ") + call.text);
    if (recording) {
        recording->push_back(std::move(call));
    } else if (call.work) {
        call.work();
    }
    return 0;
}

int copy(const char *function, const char *what, void *to, const void *from, size_t bytes) {
    const Lock lock(mutex);
    if (const int status = status_of(function)) return status;
    write_down(what + (" " + std::to_string(bytes)));
    std::memcpy(to, from, bytes);
    return 0;
}

void *address(uint64_t device) {
    return reinterpret_cast<void *>(device);
}

char primary_context, stream_object;

} // namespace

extern "C" {

const afnet_test::FakeCuda *fake_cuda() {
    static const afnet_test::FakeCuda functions = {[] {
                                                       const Lock lock(mutex);
                                                       log_text.clear();
                                                       calls_of.clear();
                                                       fault = {};
                                                       lost = 0;
                                                       last_stream = nullptr;
                                                   },
                                                   [](const char *function, int status, int calls) {
                                                       const Lock lock(mutex);
                                                       fault = {function, status, calls};
                                                       calls_of.clear();
                                                   },
                                                   [] { return log_text.c_str(); },
                                                   [] { return (unsigned long)allocated_bytes; }};
    return &functions;
}

int fake_cuda_status(const char *function) {
    const Lock lock(mutex);
    return contexts > 0 ? status_of(function, false) : kNoContext;
}
int fake_cuda_launch(const char *text, const std::function<void()> &work, void *stream) {
    const Lock lock(mutex);
    return lost ? lost : launch({text, work}, stream);
}
bool fake_cuda_allocated(const void *begin, size_t bytes) {
    const Lock lock(mutex);
    auto block = blocks.upper_bound(const_cast<void *>(begin));
    if (block == blocks.begin()) return false;
    --block;
    return static_cast<const char *>(begin) + bytes <= static_cast<char *>(block->first) + block->second;
}

int cuInit(unsigned) {
    const Lock lock(mutex);
    return status_of("cuInit", false);
}
int cuDeviceGetCount(int *count) {
    *count = number("FAKE_CUDA_DEVICES", 1);
    return 0;
}
int cuDeviceGet(int *device, int) {
    *device = 0;
    return 0;
}
int cuDeviceGetAttribute(int *value, int attribute, int) {
    const int capability = number("FAKE_CUDA_CAPABILITY", 86);
    *value = attribute == 75 ? capability / 10 : attribute == 76 ? capability % 10 : 0;
    return 0;
}
int cuDeviceGetName(char *name, int length, int) {
    std::snprintf(name, size_t(length), "Fake GPU");
    return 0;
}
int cuDeviceTotalMem_v2(size_t *bytes, int) {
    *bytes = size_t(8) << 30;
    return 0;
}
int cuGetErrorString(int status, const char **text) {
    *text = status == afnet_test::kNoDevice ? "no CUDA-capable device is detected" : "fake failure";
    return 0;
}
int cuDevicePrimaryCtxRetain(void **context, int) {
    const Lock lock(mutex);
    if (const int status = status_of("cuDevicePrimaryCtxRetain")) return status;
    write_down("primary_context");
    *context = &primary_context;
    return 0;
}
int cuStreamCreate(void **stream, unsigned) {
    *stream = &stream_object;
    return 0;
}
int cuCtxCreate_v2(void **context, unsigned, int) {
    const Lock lock(mutex);
    write_down("private_context");
    *context = &primary_context;
    return 0;
}
int cuCtxDestroy_v2(void *) {
    return 0;
}
int cuProfilerStop() {
    return 0;
}
int cuCtxGetApiVersion(void *, unsigned *version) {
    *version = 13000;
    return 0;
}
int cuCtxGetDevice(int *device) {
    *device = 0;
    return 0;
}
int cuCtxPushCurrent_v2(void *) {
    contexts++;
    return 0;
}
int cuCtxPopCurrent_v2(void **context) {
    contexts--;
    *context = nullptr;
    return 0;
}
int cuPointerGetAttribute(void *, int, uint64_t) {
    return 0;
}
int cuModuleLoadData(void **module, const void *) {
    *module = &primary_context;
    return 0;
}
int cuModuleLoadDataEx(void **module, const void *, unsigned count, int *options, void **values) {
    const Lock lock(mutex);
    if (const int status = status_of("cuModuleLoadDataEx")) return status;
    uintptr_t registers = 0;
    for (unsigned i = 0; i < count; i++) {
        if (options[i] == 0) registers = reinterpret_cast<uintptr_t>(values[i]); // CU_JIT_MAX_REGISTERS
    }
    write_down("load_module " + std::to_string(registers));
    *module = &primary_context;
    return 0;
}
int cuModuleUnload(void *) {
    return 0;
}
int cuModuleGetFunction(void **function, void *, const char *name) {
    *function = const_cast<char *>(name);
    return 0;
}
int cuMemAlloc_v2(uint64_t *device, size_t bytes) {
    const Lock lock(mutex);
    if (const int status = status_of("cuMemAlloc_v2")) return status;
    if (recording) return 900; // such memory would not be a graph's
    void *memory = std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
    if (!memory) return afnet_test::kOutOfMemory;
    std::memset(memory, 0xA5, bytes);
    blocks[memory] = bytes;
    allocated_bytes += bytes;
    write_down("allocate " + std::to_string(bytes));
    *device = reinterpret_cast<uint64_t>(memory);
    return 0;
}
int cuMemFree_v2(uint64_t device) {
    const Lock lock(mutex);
    const auto block = blocks.find(address(device));
    if (block == blocks.end()) return 1;
    allocated_bytes -= block->second;
    std::free(block->first);
    blocks.erase(block);
    write_down("free");
    return status_of("cuMemFree_v2");
}
int cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t bytes) {
    return copy("cuMemcpyHtoD_v2", "to_device", address(to), from, bytes);
}
int cuMemcpyDtoH_v2(void *to, uint64_t from, size_t bytes) {
    return copy("cuMemcpyDtoH_v2", "to_host", to, address(from), bytes);
}
int cuMemcpyDtoD_v2(uint64_t to, uint64_t from, size_t bytes) {
    return copy("cuMemcpyDtoD_v2", "on_device", address(to), address(from), bytes);
}
int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *stream) {
    note_stream(stream);
    return copy("cuMemcpyHtoDAsync_v2", "to_device", address(to), from, bytes);
}
int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *stream) {
    note_stream(stream);
    return copy("cuMemcpyDtoHAsync_v2", "to_host", to, address(from), bytes);
}
int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void *stream) {
    note_stream(stream);
    return copy("cuMemcpyDtoDAsync_v2", "on_device", address(to), address(from), bytes);
}
int cuMemcpy3D_v2(const void *) {
    return 1;
}
int cuLaunchKernel(void *function, unsigned x, unsigned y, unsigned z, unsigned, unsigned, unsigned, unsigned,
                   void *stream, void **, void **) {
    const Lock lock(mutex);
    if (const int status = status_of("cuLaunchKernel")) return status;
    if (x == 0 || y == 0 || z == 0) return 1; // CUDA_ERROR_INVALID_VALUE
    const std::string text = std::string(static_cast<const char *>(function)) + " " + std::to_string(x) + " " +
                             std::to_string(y) + " " + std::to_string(z);
    return launch({text, {}}, stream);
}
int cuStreamDestroy_v2(void *) {
    return 0;
}
int cuStreamBeginCapture_v2(void *, int) {
    const Lock lock(mutex);
    if (const int status = status_of("cuStreamBeginCapture_v2")) return status;
    recording = new Graph;
    return 0;
}
int cuStreamEndCapture(void *, void **graph) {
    const Lock lock(mutex);
    *graph = recording;
    recording = nullptr;
    return status_of("cuStreamEndCapture");
}
int cuGraphInstantiateWithFlags(void **executable, void *graph, unsigned long long) {
    *executable = new Graph(*static_cast<Graph *>(graph));
    return 0;
}
int cuGraphDestroy(void *graph) {
    delete static_cast<Graph *>(graph);
    return 0;
}
int cuGraphExecDestroy(void *executable) {
    return cuGraphDestroy(executable);
}
int cuGraphLaunch(void *executable, void *stream) {
    const Lock lock(mutex);
    note_stream(stream);
    if (const int status = status_of("cuGraphLaunch")) return status;
    write_down("graph");
    for (const Launch &call : *static_cast<Graph *>(executable)) {
        write_down("launch " + call.text);
        if (call.work) call.work();
    }
    return 0;
}
int cuCtxSynchronize() {
    const Lock lock(mutex);
    write_down("synchronize");
    if (recording) return 900; // CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED
    return status_of("cuCtxSynchronize");
}
int cuStreamSynchronize(void *stream) {
    const Lock lock(mutex);
    note_stream(stream);
    write_down("synchronize");
    if (recording) return 900;
    return status_of("cuStreamSynchronize");
}

} // extern "C"
