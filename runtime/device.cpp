#include "runtime/device.h"

#include <algorithm>
#include <vector>

#include "HalideRuntimeCuda.h"
#include "HalideRuntimeOpenCL.h"
#include "runtime/cuda_driver.h"
#include "runtime/error.h"
#include "runtime/halide_host.h"
#include "runtime/opencl_driver.h"

namespace afnet {

namespace {

// Lines of a multiprocessor's cache; the driver aligns allocations more.
constexpr size_t kCudaAlignment = 128;
// Halide counts with 32 bits: blocks are rows of this many bytes to it, copies are made in pieces.
constexpr int kRow = 4096;
constexpr size_t kPiece = size_t(1) << 30;

Device open_cuda_device() {
    const CudaDevice &cuda = open_cuda();
    return {GpuInterface::Cuda, halide_cuda_device_interface(), cuda.name, cuda.memory_bytes, kCudaAlignment,
            cuda.capability};
}

Device open_opencl_device() {
    const OpenClDevice &opencl = open_opencl();
    return {GpuInterface::OpenCl, halide_opencl_device_interface(), opencl.name,
            opencl.memory_bytes,  opencl.alignment_bytes,           0};
}

std::string driver_words(int status) {
    const std::string words = take_halide_errors();
    return words.empty() ? "Halide status " + std::to_string(status) : words;
}

std::string mebibytes(size_t bytes) {
    return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB";
}

void require(int status, const Device &device, const std::string &what) {
    if (status == 0) return;
    throw Error(what + " failed on " + device.name + ": " + driver_words(status) + "; run again, or take --device cpu");
}

} // namespace

const Device &open_device(GpuInterface interface) {
    switch (interface) {
    case GpuInterface::Cuda: {
        static const Device cuda = open_cuda_device();
        return cuda;
    }
    case GpuInterface::OpenCl: {
        static const Device opencl = open_opencl_device();
        return opencl;
    }
    case GpuInterface::None:
        break;
    }
    throw Error("the CPU is no device to open");
}

std::string device_word(GpuInterface interface) {
    switch (interface) {
    case GpuInterface::Cuda:
        return "cuda";
    case GpuInterface::OpenCl:
        return "opencl";
    case GpuInterface::None:
        break;
    }
    return "cpu";
}

DeviceBlock::DeviceBlock(const Device &device, size_t bytes) : device_(device), bytes_(std::max(bytes, size_t(1))) {
    const size_t rows = (bytes_ + kRow - 1) / kRow;
    dimensions_[0] = {0, kRow, 1, 0};
    dimensions_[1] = {0, int(rows), kRow, 0};
    buffer_.type = halide_type_of<uint8_t>();
    buffer_.dimensions = 2;
    buffer_.dim = dimensions_;
    const int status = halide_device_malloc(nullptr, &buffer_, device_.halide);
    if (status != 0) {
        throw Error("cannot allocate " + mebibytes(bytes) + " on " + device_.name + " (" +
                    mebibytes(device_.memory_bytes) + "): " + driver_words(status) +
                    "; use fewer frames, a smaller batch or size, or --device cpu");
    }
    const std::vector<unsigned char> zeroes(std::min(rows * kRow, size_t(16) << 20), 0);
    for (size_t at = 0; at < bytes_; at += zeroes.size())
        write(at, zeroes.data(), std::min(zeroes.size(), bytes_ - at));
}

DeviceBlock::~DeviceBlock() {
    // What cannot be freed is lost with the device; nobody waits for the words.
    if (halide_device_free(nullptr, &buffer_) != 0) take_halide_errors();
}

void DeviceBlock::attach(halide_buffer_t &view, size_t offset) const {
    halide_dimension_t dimensions[2] = {{int(offset % kRow), 1, 1, 0}, {int(offset / kRow), 1, kRow, 0}};
    halide_buffer_t part = buffer_;
    part.device = 0;
    part.device_interface = nullptr;
    part.dim = dimensions;
    require(halide_device_crop(nullptr, &buffer_, &part), device_, "a view of memory");
    view.host = nullptr;
    view.device = part.device;
    view.device_interface = part.device_interface;
}

void DeviceBlock::detach(halide_buffer_t &view) {
    if (halide_device_release_crop(nullptr, &view) != 0) take_halide_errors();
}

void DeviceBlock::copy(size_t offset, void *host, size_t bytes, bool to_device) {
    for (size_t at = 0; at < bytes; at += kPiece) {
        halide_dimension_t dimension = {0, int(std::min(kPiece, bytes - at)), 1, 0};
        halide_buffer_t piece{};
        piece.type = halide_type_of<uint8_t>();
        piece.dimensions = 1;
        piece.dim = &dimension;
        attach(piece, offset + at);
        piece.host = static_cast<unsigned char *>(host) + at;
        piece.set_host_dirty(to_device);
        piece.set_device_dirty(!to_device);
        const int status =
            to_device ? halide_copy_to_device(nullptr, &piece, device_.halide) : halide_copy_to_host(nullptr, &piece);
        detach(piece);
        require(status, device_, to_device ? "a copy to the device" : "a copy from the device");
    }
}

void DeviceBlock::write(size_t offset, const void *from, size_t bytes) {
    copy(offset, const_cast<void *>(from), bytes, true);
}

void DeviceBlock::read(size_t offset, void *to, size_t bytes) {
    copy(offset, to, bytes, false);
    wait_for(device_); // a copy on a stream of ours is asynchronous
}

namespace {

// A dense counterpart of a view in this process's memory.
struct DenseView {
    std::vector<halide_dimension_t> dimensions;
    halide_buffer_t buffer;

    DenseView(const halide_buffer_t &view, void *host)
        : dimensions(view.dim, view.dim + view.dimensions), buffer(view) {
        int stride = 1;
        for (halide_dimension_t &dimension : dimensions) {
            dimension.stride = stride;
            stride *= dimension.extent;
        }
        buffer.dim = dimensions.data();
        buffer.device = 0;
        buffer.device_interface = nullptr;
        buffer.flags = 0;
        buffer.host = static_cast<unsigned char *>(host);
    }
};

} // namespace

void DeviceBlock::write(const halide_buffer_t &view, const void *from) {
    DenseView dense(view, const_cast<void *>(from));
    dense.buffer.set_host_dirty(true);
    halide_buffer_t onto = view;
    require(halide_buffer_copy(nullptr, &dense.buffer, device_.halide, &onto), device_, "a copy to the device");
}

void DeviceBlock::read(const halide_buffer_t &view, void *to) {
    DenseView dense(view, to);
    halide_buffer_t from = view;
    from.set_device_dirty(true);
    require(halide_buffer_copy(nullptr, &from, nullptr, &dense.buffer), device_, "a copy from the device");
    wait_for(device_);
}

void wait_for(const Device &device) {
    require(halide_device_sync_global(nullptr, device.halide), device, "a kernel");
}

} // namespace afnet
