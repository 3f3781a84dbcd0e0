// The stem against its definition: 7x7 convolution, BatchNorm, ReLU and max-pooling, at sizes that halve unevenly.
#include <catch2/catch.hpp>

#include "tests/generators/layer.h"
#include "tests/kernel_call.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"

using namespace afnet;

namespace {

void check(const KernelSpec &spec, int width, int height, int frames, const std::string &library = kTestLibrary) {
    const int channels = spec_number(spec, "channels");
    const Dtype dtype = dtype_of(spec);
    const Layer layer = layer_of(spec);
    const Tensor4 in = random_frames(3, width, height, frames, "video");
    const Tensor4 read = representable(in, dtype); // with bf16 the kernel rounds the clip itself
    // The error of a maximum is at most the largest error below it.
    const Tensor4 magnitude = reference::max_pool(layer.magnitude(read));
    const bool chosen = library == kTestLibrary; // other libraries are made for CPUs alone
    for (const Target &target : chosen ? called_targets(dtype) : executable_targets(spec)) {
        INFO(spec.name() << " of " << width << "x" << height << "x" << frames << " on " << target.name << ", "
                         << library);
        const Kernel &kernel = test_kernel_store(target).kernel(spec, library);
        const int block = kernel.entry->knobs.at("co_block");
        const Tensor4 expected = reference::max_pool(layer.as_read_by(kernel).output(read));
        FrameMemory input(in, 3);
        FrameMemory output = FrameMemory::unwritten(channels, expected.x, expected.y, frames, 0, dtype);
        KernelCall(kernel)
            .bind("input", input.view(0, true))
            .bind("weights",
                  packed_buffer(pack_stem_weights(layer.weights_folded(), channels, *kernel.entry), kernel, "weights"))
            .bind("bias", packed_buffer(pack_conv_bias(layer.bias_folded(), channels, 1, block)))
            .bind("output", output.view())
            .run();
        CHECK(rounding_error(output.values(), expected, magnitude, layer.terms(), dtype) <= 1);
        CHECK(output.surroundings_intact());
    }
}

} // namespace

TEST_CASE("the stem equals its definition at sizes of every remainder", "[stem][gpu]") {
    for (const Dtype dtype : called_dtypes()) {
        for (int channels : {64, 16}) {
            const KernelSpec spec = with_dtype(KernelSpec("stem").set("channels", channels), dtype);
            check(spec, 33, 47, 1);
            check(spec, 32, 32, 3);
            check(spec, 100, 100, 1);
            for (int extra : {0, 1, 2, 3})
                check(spec, 40 + extra, 35 - extra, 2);
        }
    }
}

TEST_CASE("the direct algorithm of the stem equals its definition too", "[stem]") {
    for (int channels : {64, 16}) {
        const KernelSpec spec = KernelSpec("stem").set("channels", channels);
        for (int extra : {0, 1, 2, 3})
            check(spec, 40 + extra, 35 - extra, 2, kDirectLibrary);
    }
}

TEST_CASE("the stem equals its definition on the smallest pictures that networks take", "[stem][gpu]") {
    for (const Dtype dtype : called_dtypes()) {
        const KernelSpec spec = with_dtype(KernelSpec("stem").set("channels", 16), dtype);
        for (int extra : {0, 1, 2, 3, 4})
            check(spec, 32 + extra, 32, 1);
    }
}
