// Devices beside the CPU: which there are, and memory on them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "HalideRuntime.h"
#include "runtime/target.h"

namespace afnet {

/// An opened device.
struct Device {
    GpuInterface interface = GpuInterface::None;
    const halide_device_interface_t *halide = nullptr;
    std::string name; // as its driver calls it
    size_t memory_bytes = 0;
    size_t alignment_bytes = 1; // what a kernel's view of device memory begins at a multiple of
    int cuda_capability = 0;    // 10 * major + minor; 0: not of CUDA
};

/// The device of an interface, opened once per process. Throws Error which says what is missing and what to do.
const Device &open_device(GpuInterface interface);

/// `cuda`, `opencl` or `cpu`, as --device says it.
std::string device_word(GpuInterface interface);

/// One allocation on a device. Other threads may use others at the same time.
class DeviceBlock {
public:
    /// `bytes` of memory, zeroed. Throws Error where the device has not as much.
    DeviceBlock(const Device &device, size_t bytes);
    ~DeviceBlock();
    DeviceBlock(const DeviceBlock &) = delete;
    DeviceBlock &operator=(const DeviceBlock &) = delete;

    const Device &device() const { return device_; }
    size_t bytes() const { return bytes_; }
    /// Where it begins in a CUDA device's memory.
    void *cuda_address() const { return reinterpret_cast<void *>(uintptr_t(buffer_.device)); }

    /// Copies to the device; `from` may be changed afterwards. Throws Error with the driver's words.
    void write(size_t offset, const void *from, size_t bytes);
    /// Copies from the device, when all kernels that this thread called before have ended.
    void read(size_t offset, void *to, size_t bytes);
    /// The same for the elements of a view that is attached to the block; in `from` and `to` they lie densely.
    void write(const halide_buffer_t &view, const void *from);
    void read(const halide_buffer_t &view, void *to);

    /// Has a buffer without memory see the block's from `offset` on, until detach().
    void attach(halide_buffer_t &view, size_t offset) const;
    static void detach(halide_buffer_t &view);

private:
    void copy(size_t offset, void *host, size_t bytes, bool to_device);

    const Device &device_;
    size_t bytes_;
    halide_buffer_t buffer_{};
    halide_dimension_t dimensions_[2];
};

/// Waits until every kernel that this thread has called has ended. Throws Error with the driver's words where one
/// failed.
void wait_for(const Device &device);

} // namespace afnet
