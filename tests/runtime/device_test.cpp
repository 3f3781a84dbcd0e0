// Devices and memory on them: OpenCL on PoCL, CUDA on a driver that computes nothing.
#include "runtime/device.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <numeric>

#include "runtime/cuda_driver.h"
#include "runtime/error.h"
#include "tests/fake_cuda/fake_driver.h"

using namespace afnet;
using namespace afnet_test;
using Catch::Contains;

namespace {

// Both; CUDA's driver is the fake one.
std::vector<const Device *> devices() {
    fresh_fake_cuda();
    return {&open_device(GpuInterface::OpenCl), &open_device(GpuInterface::Cuda)};
}

std::vector<unsigned char> counting(size_t bytes) {
    std::vector<unsigned char> all(bytes);
    for (size_t i = 0; i < bytes; i++)
        all[i] = static_cast<unsigned char>(i * 7 + i / 251);
    return all;
}

} // namespace

TEST_CASE("a block of device memory is zero, and keeps what is written where it is written", "[device]") {
    for (const Device *device : devices()) {
        INFO(device->name);
        const size_t bytes = 100000;
        DeviceBlock block(*device, bytes);
        std::vector<unsigned char> read(bytes, 1), expected(bytes, 0);
        block.read(0, read.data(), bytes);
        CHECK(read == expected);
        const std::vector<unsigned char> numbers = counting(bytes);
        for (const auto &[offset, length] :
             {std::pair<size_t, size_t>{0, 1}, {4095, 2}, {4096, 4096}, {5, 50000}, {99999, 1}}) {
            block.write(offset, numbers.data() + offset, length);
            std::copy_n(numbers.begin() + long(offset), length, expected.begin() + long(offset));
        }
        block.read(0, read.data(), bytes);
        CHECK(read == expected);
        std::vector<unsigned char> part(3);
        block.read(4095, part.data(), 3);
        CHECK(std::equal(part.begin(), part.end(), expected.begin() + 4095));
    }
}

TEST_CASE("elements that lie apart on a device are dense on the host", "[device]") {
    for (const Device *device : devices()) {
        INFO(device->name);
        DeviceBlock block(*device, 4096);
        halide_dimension_t dimensions[3] = {{0, 3, 1, 0}, {0, 5, 3, 0}, {0, 4, 37, 0}};
        halide_buffer_t view{};
        view.type = halide_type_of<uint32_t>();
        view.dimensions = 3;
        view.dim = dimensions;
        const size_t offset = device->alignment_bytes;
        block.attach(view, offset);
        std::vector<uint32_t> dense(60), back(60);
        std::iota(dense.begin(), dense.end(), 1);
        block.write(view, dense.data());
        block.read(view, back.data());
        DeviceBlock::detach(view);
        CHECK(back == dense);
        std::vector<uint32_t> all(1024);
        block.read(0, all.data(), 4096);
        for (size_t i = 0; i < all.size(); i++) {
            const size_t at = i - offset / 4, row = at / 37, column = at % 37;
            const bool inside = i >= offset / 4 && row < 4 && column < 15;
            REQUIRE(all[i] == (inside ? dense[row * 15 + column] : 0));
        }
    }
}

TEST_CASE("kernels share the primary context, on a stream of their own or the caller's", "[device]") {
    fresh_fake_cuda();
    const Device &device = open_device(GpuInterface::Cuda);
    CHECK(device.name == "Fake GPU");
    CHECK(device.cuda_capability == 86);
    CHECK(cuda_context() != nullptr);
    void *const own = cuda_stream();
    CHECK(own != nullptr);
    {
        DeviceBlock block(device, 10);
        CHECK(fake_calls("allocate") == std::vector<std::string>{"allocate 4096"});
        CHECK(fake_calls("private_context").empty());
        char stream[64];
        std::snprintf(stream, sizeof stream, "stream %p", own);
        CHECK(fake_calls("stream") == std::vector<std::string>{stream});
        int callers = 0;
        use_cuda_stream(&callers);
        block.write(0, "abc", 3);
        std::snprintf(stream, sizeof stream, "stream %p", static_cast<void *>(&callers));
        CHECK(fake_calls("stream").back() == stream);
        use_cuda_stream(nullptr);
        CHECK(cuda_stream() == own);
    }
    release_unused_memory();
    CHECK(fake_calls("free").size() == 1);
    int other = 0;
    CHECK_THROWS_WITH(share_cuda_context(&other), Contains("in use already"));
    CHECK_NOTHROW(share_cuda_context(cuda_context()));
}

TEST_CASE("a device without enough memory is an error that says how much was wanted", "[device]") {
    const FakeCuda &fake = fresh_fake_cuda();
    const Device &device = open_device(GpuInterface::Cuda);
    fake.fail("cuMemAlloc_v2", kOutOfMemory, 0);
    CHECK_THROWS_WITH(DeviceBlock(device, size_t(50) << 20),
                      Contains("cannot allocate 50 MiB on Fake GPU (8192 MiB)") && Contains("OUT_OF_MEMORY") &&
                          Contains("use fewer frames") && Contains("--device cpu"));
    fake.reset();
    CHECK_NOTHROW(DeviceBlock(device, 10));
    release_unused_memory();
    CHECK(fake.allocated() == 0);
}

TEST_CASE("a lost device is an error of whatever asks it next, and memory on it can be forgotten", "[device]") {
    const FakeCuda &fake = fresh_fake_cuda();
    const Device &device = open_device(GpuInterface::Cuda);
    std::vector<unsigned char> bytes(64);
    {
        DeviceBlock block(device, 64);
        fake.fail("cuStreamSynchronize", kIllegalAddress, 0);
        CHECK_THROWS_WITH(block.read(0, bytes.data(), 64), Contains("a kernel failed on Fake GPU") &&
                                                               Contains("ILLEGAL_ADDRESS") && Contains("--device cpu"));
        CHECK_THROWS_WITH(block.write(0, bytes.data(), 64), Contains("a copy to the device failed on Fake GPU"));
    }
    fake.reset();
    DeviceBlock again(device, 64);
    CHECK_NOTHROW(again.read(0, bytes.data(), 64));
}
