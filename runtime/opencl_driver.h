// The OpenCL device that kernels run on: Halide's runtime chooses and opens it, this says which it is.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace afnet {

struct OpenClDevice {
    std::string name;
    std::string platform;         // empty where it was not asked for
    size_t alignment_bytes = 128; // that a view of a buffer must begin at a multiple of
    size_t memory_bytes = 0;
};

/// Every device of every platform; nothing is opened on them. Throws Error which says why there is none.
std::vector<OpenClDevice> opencl_devices();

/// Opens the device: of the first platform, or of the one whose name has HL_OCL_PLATFORM_NAME in it, and there the one
/// with the most compute units. Throws Error which says what is missing, on every call until it succeeds.
const OpenClDevice &open_opencl();

} // namespace afnet
