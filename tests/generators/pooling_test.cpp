// Average pooling and means over pixels against their definition.
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/generators/layer.h"
#include "tests/generators/zero_response.h"
#include "tests/kernel_call.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"

using namespace afnet;

namespace {

// One, odd, a vector, one past a vector; several vectors and one past them, on the widest and narrowest target.
const std::vector<int> kChannels = {1, 3, 4, 5, 8, 9, 16, 17, 33, 64, 65};

Tensor4 absolute(Tensor4 tensor) {
    for (double &v : tensor.data) v = std::abs(v);
    return tensor;
}

void check_avg_pool(int channels, int width, int height, int frames, Dtype dtype) {
    const Tensor4 in = representable(random_frames(channels, width, height, frames, "in"), dtype);
    const Tensor4 expected = reference::average_pool(in), magnitude = reference::average_pool(absolute(in));
    for (const Target &target : called_targets(dtype)) {
        INFO(channels << " channels of " << width << "x" << height << " on " << target.name << ", "
                      << dtype_name(dtype));
        FrameMemory input(in, width % 2, false, dtype);
        FrameMemory output = FrameMemory::unwritten(channels, expected.x, expected.y, frames, 0, dtype);
        KernelCall(test_kernel_store(target).kernel(with_dtype(KernelSpec("avg_pool"), dtype), kTestLibrary))
            .bind("input", input.view())
            .bind("output", output.view())
            .run();
        CHECK(rounding_error(output.values(), expected, magnitude, 9, dtype) <= 1);
        CHECK(output.surroundings_intact());
    }
}

struct Size {
    int width, height;
};

// With F(0) still owed to the frames that `mask` rejects.
void check_mean_response(int kernel, int channels, Size fine, Size coarse, const std::vector<int> &mask, Dtype dtype) {
    const int frames = int(mask.size());
    const Tensor4 in = representable(random_frames(channels, fine.width, fine.height, frames, "in"), dtype);
    const Tensor4 low = representable(random_frames(channels, coarse.width, coarse.height, frames, "low"), dtype);
    const Tensor4 map = zero_response(channels, fine.width, fine.height, kernel);
    const Tensor4 whole = with_response(in, map, mask);
    const Tensor4 sum = reference::add(whole, reference::upsample_nearest(low, fine.width, fine.height));
    const Tensor4 expected = reference::global_mean(sum);
    Tensor4 magnitude = expected;
    for (double &m : magnitude.data)
        m = 6; // no sum of elements of maps is as large
    const KernelSpec spec =
        with_dtype(KernelSpec("spatial_mean").set("upsample", true).set("response", kernel), dtype);
    for (const Target &target : called_targets(dtype)) {
        INFO(spec.name() << ", " << channels << " channels of " << fine.width << "x" << fine.height << " on "
                         << target.name);
        FrameMemory input(in, fine.width % 2, false, dtype), added(low, 0, false, dtype);
        FrameMemory residual(distinct_pixels(map, kernel));
        FrameMemory output = FrameMemory::unwritten(channels, 1, 1, frames);
        KernelCall(test_kernel_store(target).kernel(spec, kTestLibrary))
            .bind("input", input.view())
            .bind("coarse", added.view())
            .bind("residual", residual.view())
            .bind("mask", integers(mask, {frames}))
            .bind("output", output.view().sliced(1).sliced(1))
            .run();
        CHECK(rounding_error(output.values(), expected, magnitude, 3 * fine.width * fine.height) <= 1);
        CHECK(output.surroundings_intact());
    }
}

void check_spatial_mean(int channels, Size fine, const Size *coarse, int frames, Dtype dtype) {
    const Tensor4 in = representable(random_frames(channels, fine.width, fine.height, frames, "in"), dtype);
    const Tensor4 low =
        coarse ? representable(random_frames(channels, coarse->width, coarse->height, frames, "low"), dtype) : in;
    Tensor4 sum = in, positive = absolute(in);
    if (coarse) {
        sum = reference::add(sum, reference::upsample_nearest(low, fine.width, fine.height));
        positive = reference::add(positive, reference::upsample_nearest(absolute(low), fine.width, fine.height));
    }
    const Tensor4 expected = reference::global_mean(sum), magnitude = reference::global_mean(positive);
    for (const Target &target : called_targets(dtype)) {
        INFO(channels << " channels of " << fine.width << "x" << fine.height << (coarse ? " and a coarse one" : "")
                      << " on " << target.name << ", " << dtype_name(dtype));
        FrameMemory input(in, fine.width % 2, false, dtype), added(low, 0, false, dtype);
        FrameMemory output = FrameMemory::unwritten(channels, 1, 1, frames);
        const KernelSpec spec = with_dtype(KernelSpec("spatial_mean").set("upsample", coarse != nullptr), dtype);
        KernelCall(test_kernel_store(target).kernel(spec, kTestLibrary))
            .bind("input", input.view())
            .bind("coarse", coarse ? added.view() : input.view())
            .bind("output", output.view().sliced(1).sliced(1))
            .run();
        CHECK(rounding_error(output.values(), expected, magnitude, 2 * fine.width * fine.height) <= 1);
        CHECK(output.surroundings_intact());
    }
}

}  // namespace

TEST_CASE("average pooling counts the padding at odd and even sizes", "[pooling][gpu]") {
    for (const Dtype dtype : called_dtypes()) {
        for (int channels : kChannels)
            check_avg_pool(channels, 5, 4, 2, dtype);
        for (int width : {1, 2, 3, 6, 7}) {
            for (int height : {1, 2, 3, 8})
                check_avg_pool(6, width, height, 3, dtype);
        }
    }
}

TEST_CASE("the mean over pixels equals its definition for any number of channels", "[pooling][gpu]") {
    for (const Dtype dtype : called_dtypes()) {
        for (int channels : kChannels) {
            for (const Size &size : {Size{1, 1}, Size{7, 7}, Size{3, 10}})
                check_spatial_mean(channels, size, nullptr, 3, dtype);
        }
    }
}

TEST_CASE("the mean adds a coarse map enlarged by any factor", "[pooling][gpu]") {
    const std::vector<std::pair<Size, Size>> pairs = {{{8, 8}, {4, 4}}, {{7, 5}, {4, 3}},  {{13, 14}, {7, 7}},
                                                      {{1, 1}, {1, 1}}, {{7, 9}, {2, 4}}, {{5, 3}, {5, 2}}};
    for (const Dtype dtype : called_dtypes()) {
        for (int channels : {1, 8, 17, 65}) {
            for (const auto &[fine, coarse] : pairs)
                check_spatial_mean(channels, fine, &coarse, 2, dtype);
        }
    }
}

TEST_CASE("the mean counts the F(0) that rejected frames lack", "[pooling][gpu]") {
    for (const Dtype dtype : called_dtypes()) {
        for (int kernel : {3, 5}) {
            for (int channels : {1, 8, 17, 65}) {
                for (const std::vector<int> &mask : {std::vector<int>{0, 1, 0}, {1, 1}, {0}})
                    check_mean_response(kernel, channels, {7, 9}, {4, 5}, mask, dtype);
            }
            check_mean_response(kernel, 9, {1, 2}, {1, 1}, {1, 0}, dtype);
        }
    }
}
