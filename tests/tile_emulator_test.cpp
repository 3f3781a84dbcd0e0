// That tests of kernels with tile instructions ran, or why they did not.
#include <catch2/catch.hpp>

#include "tests/generators/layer.h"
#include "tests/kernel_call.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"
#include "tests/tile_emulator.h"

using namespace afnet;

TEST_CASE("kernels with tile registers run here, on AMX or emulated, or the reason why not is said",
          "[tile_emulator]") {
    const KernelSpec spec = with_dtype(conv2d_spec(64, 48, 1, 1, 1, "hswish"), Dtype::BF16);
    const Target &amx = target_named("x86-64-amx");
    bool run = false;
    for (const Target &target : executable_targets(spec)) {
        if (target.name != amx.name) continue;
        const int width = 30, height = 2;
        const Kernel &kernel = test_kernel_store(target).kernel(spec, kTestLibrary);
        const Layer layer = layer_of(spec);
        const Tensor4 values = representable(random_frames(64, width, height, 1, "input"), Dtype::BF16);
        FrameMemory input(values, 0, false, Dtype::BF16);
        FrameMemory output = FrameMemory::unwritten(48, width, height, 1, 0, Dtype::BF16);
        const uint64_t before = emulated_tile_products();
        KernelCall(kernel)
            .bind("input", input.view(1, false))
            .bind("weights", packed_buffer(pack_conv2d_weights(layer.weights_folded(), 48, 64, 1, 1, *kernel.entry),
                                           kernel, "weights"))
            .bind("bias", packed_buffer(pack_conv_bias(layer.bias_folded(), 48, 1, 48)))
            .bind("residual", output.view(1))
            .bind("sources", integers({0, 0, 0}, {3, 1}))
            .bind("mask", integers({0}, {1}))
            .bind("output", output.view(1))
            .run();
        // Two tiles of 16 columns, three of 16 output channels, two of 32 input channels, in each row.
        const uint64_t expected = 2 * 3 * 2 * height;
        CHECK(emulated_tile_products() - before == (runs_here(target) ? 0 : expected));
        const Layer defined = layer.as_read_by(kernel);
        CHECK(rounding_error(output.values(), defined.output(values), defined.magnitude(values), layer.terms(),
                             Dtype::BF16) <= 1);
        run = true;
    }
    if (!run) {
        WARN("kernels of x86-64-amx were not run: " << (missing_features(amx.features).empty()
                                                            ? "they are not compiled"
                                                            : absence_of(missing_features(amx.features))));
    } else if (!runs_here(amx)) {
        WARN("kernels of x86-64-amx ran on emulated tile registers: " << absence_of(missing_features(amx.features)));
    }
}
