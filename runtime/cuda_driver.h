// NVIDIA's driver library, libcuda.so.1, beside what Halide's runtime does with it: it is opened when a CUDA device is
// first asked for, and nothing else of the CUDA Toolkit is needed.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace afnet {

/// What the driver says about a GPU.
struct CudaDevice {
    std::string name;
    int capability = 0;      // 10 * major + minor, e.g. 86
    size_t memory_bytes = 0; // of the whole device
};

/// Every GPU that the driver shows, whether its kernels can run or not; nothing is opened on them. Throws Error which
/// says why there is none.
std::vector<CudaDevice> cuda_devices();

/// A compute capability for people: `8.6` of 86.
std::string capability_text(int capability);

/// Why kernels cannot run on a GPU; empty: they can.
std::string cuda_obstacle(const CudaDevice &device);

/// Opens the driver and the first device that it shows (CUDA_VISIBLE_DEVICES chooses which), and has kernels run in
/// the device's primary context, which PyTorch, cuDNN and NCCL use as well, or in the one that share_cuda_context()
/// named. Kernels may use 255 registers unless HL_CUDA_JIT_MAX_REGISTERS is set. Once per process; later calls return
/// the same device. Throws Error which says what is missing, on every call until it succeeds.
const CudaDevice &open_cuda();

/// Has kernels run in a context of the caller's (a CUcontext, which must outlive every executor). Call before
/// open_cuda(). Throws Error when another context is in use already.
void share_cuda_context(void *context);

/// The stream (a CUstream of the context in use) that kernels and copies of the calling thread go to from now on;
/// nullptr: the process's own, which waits for no other.
void use_cuda_stream(void *stream);

/// Launches that the driver replays as one: a CUDA graph.
class CudaGraph {
public:
    /// Records what `launches` hands to the calling thread's stream; nothing of it runs. Null where the driver cannot
    /// record, or AFNET_CUDA_GRAPH is 0. Throws what `launches` throws. After open_cuda().
    static std::unique_ptr<CudaGraph> record(const std::function<void()> &launches);
    ~CudaGraph();
    CudaGraph(const CudaGraph &) = delete;
    CudaGraph &operator=(const CudaGraph &) = delete;

    /// Has all of it run on the calling thread's stream. Throws Error with the driver's words.
    void launch();

private:
    explicit CudaGraph(void *executable) : executable_(executable) {}
    void *executable_; // a CUgraphExec
};

/// Makes the context in use the calling thread's while it lives: what libraries beside the driver work in. After
/// open_cuda(). Throws Error with the driver's words.
class CurrentCudaContext {
public:
    CurrentCudaContext();
    ~CurrentCudaContext();
    CurrentCudaContext(const CurrentCudaContext &) = delete;
    CurrentCudaContext &operator=(const CurrentCudaContext &) = delete;
};

/// What open_cuda() settled on; nullptr before.
void *cuda_context();
/// The calling thread's stream; nullptr before open_cuda().
void *cuda_stream();

} // namespace afnet
