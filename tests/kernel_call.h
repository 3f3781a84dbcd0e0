// Calls one kernel directly, its arguments bound by the names in its metadata. What a kernel for OpenCL is given is
// copied to the device and back.
#pragma once

#include <list>
#include <string>
#include <vector>

#include "HalideBuffer.h"
#include "runtime/kernel_library.h"

namespace afnet {

class KernelCall {
public:
    explicit KernelCall(const Kernel &kernel);
    KernelCall(const KernelCall &) = delete;
    KernelCall &operator=(const KernelCall &) = delete;

    /// Keeps a handle: a temporary view will do, the elements must live until run().
    template <class Element, int Dimensions, int InClass>
    KernelCall &bind(const std::string &name, const Halide::Runtime::Buffer<Element, Dimensions, InClass> &buffer) {
        buffers_.emplace_back(buffer);
        return place(name, buffers_.back().raw_buffer());
    }
    KernelCall &set(const std::string &name, int value);
    KernelCall &set(const std::string &name, double value);

    /// Throws Error when an argument is not bound, or with Halide's words when the kernel refuses. Where nothing is
    /// bound to the `count` that only kernels for GPUs have, it is larger than any number of frames.
    void run();

private:
    KernelCall &place(const std::string &name, void *argument);
    void count_all_frames();
    int call_on_device();

    const Kernel &kernel_;
    std::vector<void *> arguments_;
    std::list<Halide::Runtime::Buffer<void>> buffers_;
    std::list<int> scalars_;
    std::list<double> reals_;
};

} // namespace afnet
