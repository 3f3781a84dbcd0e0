// Which kernels the libraries of a target with tile registers hold, and where the others come from.
#include <catch2/catch.hpp>

#include "runtime/target.h"
#include "runtime/tile_layers.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"

using namespace afnet;

namespace {

bool fits(const KernelSpec &spec) {
    return fits_tile_registers(with_dtype(spec, Dtype::BF16));
}

} // namespace

TEST_CASE("convolutions fit tile registers by their channels", "[tile_layers]") {
    CHECK(fits(conv2d_spec(64, 256, 1)));
    CHECK(fits(conv2d_spec(16, 16, 1)));
    CHECK(fits(conv2d_spec(64, 64, 3, 2, 2)));
    CHECK_FALSE(fits(conv2d_spec(24, 64, 1)));       // inputs
    CHECK_FALSE(fits(conv2d_spec(64, 24, 1)));       // outputs
    CHECK_FALSE(fits(conv2d_spec(64, 64, 1, 1, 8))); // of a group
    // With TSM an eighth of the channels comes from another frame.
    CHECK(fits(conv2d_spec(128, 64, 1, 1, 1, "relu", false, true, true)));
    CHECK(fits(conv2d_spec(128, 64, 1, 1, 2, "relu", false, true, true)));
    CHECK_FALSE(fits(conv2d_spec(64, 64, 1, 1, 1, "relu", false, true, true)));
    CHECK(fits(conv2d_spec(64, 64, 1, 1, 1, "relu", false, true, false)));
    // Only bf16, from activations.
    CHECK_FALSE(fits_tile_registers(conv2d_spec(64, 256, 1)));
    CHECK_FALSE(fits(conv2d_spec(64, 256, 1).set("f32_input", true)));
    CHECK_FALSE(fits(depthwise_spec(64, 3, 1, "relu", false)));
}

TEST_CASE("a target with tile registers holds what fits them, and takes the rest from what it extends",
          "[tile_layers]") {
    const Target &amx = target_named("x86-64-amx"), &bf16 = target_named("x86-64-avx512-bf16");
    const KernelSpec fitting = with_dtype(conv2d_spec(64, 48, 1, 1, 1, "hswish"), Dtype::BF16),
                     other = with_dtype(conv2d_spec(7, 17, 1, 1, 1, "relu"), Dtype::BF16);
    CHECK(has_kernel(amx, fitting));
    CHECK_FALSE(has_kernel(amx, other));
    CHECK_FALSE(has_kernel(amx, conv2d_spec(64, 48, 1)));
    CHECK(has_kernel(bf16, fitting));
    CHECK(has_kernel(bf16, other));
    for (const Target &target : executable_targets(Dtype::BF16)) {
        if (target.name != amx.name) continue;
        KernelStore &store = test_kernel_store(target);
        CHECK(store.kernel(fitting, kTestLibrary).run != test_kernel_store(bf16).kernel(fitting, kTestLibrary).run);
        CHECK_NOTHROW(store.kernel(other, kTestLibrary));
    }
}
