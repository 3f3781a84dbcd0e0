// Depthwise convolutions against their definition, with and without TSM at the entry of the block.
#include <catch2/catch.hpp>
#include <numeric>

#include "tests/generators/layer.h"
#include "tests/generators/listed_plan.h"
#include "tests/kernel_call.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"

using namespace afnet;

namespace {

std::vector<KernelSpec> depthwise_specs() {
    std::vector<KernelSpec> specs;
    for (const KernelSpec &spec : test_kernels()) {
        if (spec.generator == "depthwise") specs.push_back(spec);
    }
    return specs;
}

void check(const KernelSpec &spec, const Layer &layer, int width, int height, int clip_frames, int clips) {
    const int channels = spec_number(spec, "channels"), kernel = spec_number(spec, "kernel");
    const int stride = spec_number(spec, "stride"), frames = clip_frames * clips;
    const bool shift = spec_flag(spec, "shift");
    const Dtype dtype = dtype_of(spec);
    // Strided: odd and even inputs give the same output.
    const Tensor4 in = representable(random_frames(channels, stride * (width - 1) + 1 + height % stride,
                                                   stride * (height - 1) + 1 + width % stride, frames, "in"),
                                     dtype);
    const Tensor4 read = shift ? reference::temporal_shift(in, clip_frames) : in;
    const Tensor4 expected = layer.output(read), magnitude = layer.magnitude(read);
    const PackedConstant weights = pack_depthwise_weights(layer.weights_folded(), channels, kernel);
    const PackedConstant bias = {{channels}, layer.bias_folded()};
    std::vector<int> all(size_t(frames), 1);
    for (const Target &target : called_targets(spec)) {
        INFO(spec.name() << " to " << width << "x" << height << ", " << clips << " clips of " << clip_frames << " on "
                         << target.name);
        FrameMemory input(in, (kernel - 1) / 2, shift, dtype);
        FrameMemory output = FrameMemory::unwritten(channels, width, height, frames, width % 2, dtype);
        KernelCall(test_kernel_store(target).kernel(spec, kTestLibrary))
            .bind("input", input.view(0, true))
            .bind("weights", packed_buffer(weights))
            .bind("bias", packed_buffer(bias))
            .bind("sources", integers(source_list(all, clip_frames), {3, frames}))
            .bind("output", output.view())
            .run();
        CHECK(rounding_error(output.values(), expected, magnitude, layer.terms(), dtype) <= 1);
        CHECK(output.surroundings_intact());
    }
}

}  // namespace

TEST_CASE("a depthwise convolution equals its definition at every width and height", "[depthwise][gpu]") {
    for (const KernelSpec &spec : depthwise_specs()) {
        const Layer layer = layer_of(spec);
        for (int width : {1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 14, 15, 16}) {
            for (int height : {1, 2, 3, 5, 8}) check(spec, layer, width, height, height % 2 ? 1 : 3, 1);
        }
    }
}

TEST_CASE("a shifted depthwise convolution sees zeroes beyond the ends of each clip", "[depthwise][gpu]") {
    for (const Dtype dtype : called_dtypes()) {
        const KernelSpec spec = with_dtype(depthwise_spec(16, 3, 1, "relu", true), dtype);
        const Layer layer = layer_of(spec);
        for (int clip_frames : {1, 2, 5}) {
            for (int clips : {1, 2, 3})
                check(spec, layer, 5, 4, clip_frames, clips);
        }
    }
}
