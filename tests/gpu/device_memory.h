// A GPU kernel's arguments on its device: what tests need of a runtime for GPUs, and no more. Arguments whose memory
// overlaps, as an output that is its own residual, share it on the device.
#pragma once

#include <string>
#include <vector>

#include "HalideBuffer.h"

namespace afnet {

class DeviceMemory {
public:
    /// Copies all that lies between a buffer's first and last element to the device, gaps included, and makes the
    /// buffers name it. Overlapping ones must begin at one place. Throws Error where the device has no memory.
    explicit DeviceMemory(const std::vector<halide_buffer_t *> &buffers);
    /// Lets the buffers forget the device.
    ~DeviceMemory();
    DeviceMemory(const DeviceMemory &) = delete;
    DeviceMemory &operator=(const DeviceMemory &) = delete;

    /// Whatever the device still has to do is done, and the host's memory has the results. Throws Error.
    void copy_back();

private:
    struct Block {
        uint8_t *begin, *end;
        halide_dimension_t extent;
        halide_buffer_t bytes;
        std::vector<halide_buffer_t *> buffers;
    };
    std::vector<Block> blocks_;
};

/// Why no OpenCL device can be used here; empty where one can. PoCL keeps what it compiles in the build folder.
const std::string &opencl_obstacle();

} // namespace afnet
