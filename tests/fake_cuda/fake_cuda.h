// A stand-in for NVIDIA's driver library: device memory is host memory, kernels compute nothing, and everything that is
// asked of it is written down. It is built as a libcuda.so.1 of its own; tests load it into their process, or put its
// folder on LD_LIBRARY_PATH of a child.
//
// In a child its environment says how it behaves: FAKE_CUDA_LOG, a file for the calls; FAKE_CUDA_FAIL, for example
// `cuMemAlloc_v2 2 3`: the function's calls after the first 3 return status 2; FAKE_CUDA_DEVICES, FAKE_CUDA_CAPABILITY.
#pragma once

#include <cstddef>
#include <functional>

namespace afnet_test {

// Statuses of the driver's interface (cuda.h).
constexpr int kOutOfMemory = 2, kNoDevice = 100, kInvalidPtx = 218, kIllegalAddress = 700, kLaunchFailed = 719;

/// The library's own functions, beside the driver's.
struct FakeCuda {
    /// Forgets calls and faults.
    void (*reset)();
    /// Calls of `function` return `status` once `calls` of them have succeeded. Statuses from 700 to 799 are those of a
    /// context that is lost: every call that touches the device returns them from then on.
    void (*fail)(const char *function, int status, int calls);
    /// The calls since reset(), one a line: `launch NAME x y z`, `to_device BYTES`, `to_host BYTES`, `synchronize`,
    /// `allocate BYTES`, `free`, `load_module REGISTERS`, `stream POINTER` where it changes; a launch that a graph records is
    /// `record NAME x y z`, and with `graph` begin the launches of one.
    const char *(*calls)();
    /// Bytes that are allocated.
    unsigned long (*allocated)();
};

} // namespace afnet_test

extern "C" {
const afnet_test::FakeCuda *fake_cuda();

// For the stand-ins of libraries that launch kernels of their own, fake_cudnn.cpp and fake_cublaslt.cpp.
/// The status that a call of a library's function returns: 0 unless it shall fail, or the thread has no context.
int fake_cuda_status(const char *function);
/// A launch that does `work`, at once, or when the graph that records it is launched.
int fake_cuda_launch(const char *text, const std::function<void()> &work, void *stream);
/// Whether memory is within one block of the device's.
bool fake_cuda_allocated(const void *begin, size_t bytes);
}
