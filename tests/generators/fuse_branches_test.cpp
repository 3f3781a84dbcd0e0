// Fusion of both branches, dynamic and by addition, against its definition, apart and in place.
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/generators/layer.h"
#include "tests/generators/zero_response.h"
#include "tests/kernel_call.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"

using namespace afnet;

namespace {

struct Size {
    int width, height;
};

Tensor4 absolute(Tensor4 tensor) {
    for (double &v : tensor.data) v = std::abs(v);
    return tensor;
}

enum class Fused { Blended, Added };

// With F(0) still owed to the frames that `mask` rejects.
void check_response(const char *activation, int kernel, int channels, Size fine, Size coarse,
                    const std::vector<int> &mask, Dtype dtype) {
    const int frames = int(mask.size());
    const Tensor4 focal = representable(random_frames(channels, fine.width, fine.height, frames, "focal"), dtype);
    const Tensor4 ample = representable(random_frames(channels, coarse.width, coarse.height, frames, "ample"), dtype);
    const Tensor4 theta = reference::sigmoid(random_frames(channels, 1, 1, frames, "theta"));
    const Tensor4 enlarged = reference::upsample_nearest(ample, fine.width, fine.height);
    const Tensor4 map = zero_response(channels, fine.width, fine.height, kernel);
    const Tensor4 whole = with_response(focal, map, mask);
    Tensor4 magnitude = focal;
    for (double &m : magnitude.data) m = 6; // no sum of elements of maps is as large
    const Tensor4 expected = activate(activation, reference::blend(theta, enlarged, whole));
    const KernelSpec spec = with_dtype(activated("fuse_branches", activation).set("response", kernel), dtype);
    for (const Target &target : called_targets(dtype)) {
        INFO(spec.name() << " of " << channels << " channels at " << fine.width << "x" << fine.height << " on "
                         << target.name);
        FrameMemory low(ample, 0, false, dtype), high(focal, fine.width % 2, false, dtype);
        FrameMemory residual(distinct_pixels(map, kernel));
        KernelCall(test_kernel_store(target).kernel(spec, kTestLibrary))
            .bind("ample", low.view())
            .bind("focal", high.view())
            .bind("theta", vectors(theta))
            .bind("residual", residual.view())
            .bind("mask", integers(mask, {frames}))
            .bind("output", high.view())
            .run();
        CHECK(rounding_error(high.values(), expected, magnitude, 3, dtype) <= 1);
        CHECK(high.surroundings_intact());
    }
}

void check(Fused how, const char *activation, int channels, Size fine, Size coarse, int frames, Dtype dtype) {
    const Tensor4 focal = representable(random_frames(channels, fine.width, fine.height, frames, "focal"), dtype);
    const Tensor4 ample = representable(random_frames(channels, coarse.width, coarse.height, frames, "ample"), dtype);
    const Tensor4 theta = reference::sigmoid(random_frames(channels, 1, 1, frames, "theta"));
    const Tensor4 enlarged = reference::upsample_nearest(ample, fine.width, fine.height);
    const bool adds = how == Fused::Added;
    const Tensor4 expected = activate(activation, adds ? reference::add(enlarged, focal)
                                                       : reference::blend(theta, enlarged, focal));
    const Tensor4 magnitude = reference::add(absolute(enlarged), absolute(focal));
    for (const Target &target : called_targets(dtype)) {
        for (const bool in_place : {false, true}) {
            INFO((adds ? "sum, " : "blend, ") << activation << " of " << channels << " channels at " << fine.width << "x" << fine.height << " and "
                            << coarse.width << "x" << coarse.height << " on " << target.name << ", "
                            << dtype_name(dtype));
            FrameMemory low(ample, 0, false, dtype), high(focal, fine.width % 2, false, dtype);
            FrameMemory apart = FrameMemory::unwritten(channels, fine.width, fine.height, frames, 0, dtype);
            FrameMemory &output = in_place ? high : apart;
            const KernelSpec spec = activated(adds ? "add_branches" : "fuse_branches", activation);
            KernelCall call(test_kernel_store(target).kernel(with_dtype(spec, dtype), kTestLibrary));
            call.bind("ample", low.view()).bind("focal", high.view());
            if (!adds) call.bind("theta", vectors(theta));
            call.bind("output", output.view()).run();
            CHECK(rounding_error(output.values(), expected, magnitude, 2, dtype) <= 1);
            CHECK(output.surroundings_intact());
        }
    }
}

}  // namespace

TEST_CASE("fusion takes both branches at any ratio of their sizes", "[fuse_branches][gpu]") {
    const std::vector<std::pair<Size, Size>> pairs = {{{8, 8}, {4, 4}}, {{7, 5}, {4, 3}}, {{13, 14}, {7, 7}},
                                                      {{1, 1}, {1, 1}}, {{7, 9}, {2, 4}}, {{5, 3}, {5, 2}}};
    for (const auto &[fine, coarse] : pairs) {
        for (const char *activation : {"relu", "linear"}) {
            for (const Dtype dtype : called_dtypes()) {
                for (const Fused how : {Fused::Blended, Fused::Added})
                    check(how, activation, 20, fine, coarse, 3, dtype);
            }
        }
    }
}

TEST_CASE("fusion takes any number of channels", "[fuse_branches][gpu]") {
    for (int channels : {1, 3, 4, 5, 8, 9, 16, 17, 33, 64}) {
        for (const Dtype dtype : called_dtypes()) {
            for (const Fused how : {Fused::Blended, Fused::Added})
                check(how, "relu", channels, {5, 4}, {3, 2}, 1, dtype);
        }
    }
}

TEST_CASE("fusion gives rejected frames the F(0) that they lack", "[fuse_branches][gpu]") {
    for (const Dtype dtype : called_dtypes()) {
        for (const auto &[kernel, activation] : {std::pair{3, "relu"}, std::pair{5, "linear"}}) {
            for (int channels : {1, 8, 17}) {
                for (const std::vector<int> &mask : {std::vector<int>{0, 1, 0}, {1, 1}, {0}})
                    check_response(activation, kernel, channels, {7, 5}, {4, 3}, mask, dtype);
            }
            check_response(activation, kernel, 9, {1, 2}, {1, 1}, {1, 0}, dtype);
        }
    }
}
