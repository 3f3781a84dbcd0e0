// The gate of squeeze-and-excitation against its definition, apart and in place.
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/generators/layer.h"
#include "tests/kernel_call.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"

using namespace afnet;

namespace {

void check(const char *activation, int channels, int width, int height, int frames, Dtype dtype) {
    Tensor4 in = random_frames(channels, width, height, frames, "in");
    for (double &v : in.data) v = float(8 * v);  // both bends of h_swish
    in = representable(std::move(in), dtype);
    const Tensor4 gate = reference::h_sigmoid(random_frames(channels, 1, 1, frames, "gate"));
    const Tensor4 product = reference::scale_channels(in, gate), expected = activate(activation, product);
    Tensor4 magnitude = product;
    for (double &m : magnitude.data) m = std::abs(m);
    for (const Target &target : called_targets(dtype)) {
        for (const bool in_place : {false, true}) {
            INFO(activation << " of " << channels << "x" << width << "x" << height << "x" << frames << " on "
                            << target.name << ", " << dtype_name(dtype));
            FrameMemory input(in, width % 2, false, dtype);
            FrameMemory apart = FrameMemory::unwritten(channels, width, height, frames, 0, dtype);
            FrameMemory &output = in_place ? input : apart;
            KernelCall(test_kernel_store(target).kernel(with_dtype(activated("scale_channels", activation), dtype),
                                                        kTestLibrary))
                .bind("input", input.view())
                .bind("gate", vectors(gate))
                .bind("output", output.view())
                .run();
            CHECK(rounding_error(output.values(), expected, magnitude, 2, dtype) <= 1);
            CHECK(output.surroundings_intact());
        }
    }
}

}  // namespace

TEST_CASE("channels are scaled by their gate before the activation", "[scale_channels][gpu]") {
    for (const Dtype dtype : called_dtypes()) {
        for (const char *activation : {"relu", "hswish"}) {
            for (int channels : {1, 3, 4, 5, 8, 9, 16, 17, 33, 72})
                check(activation, channels, 5, 3, 2, dtype);
            for (int width : {1, 2, 8})
                check(activation, 40, width, 4, 1, dtype);
        }
    }
}
