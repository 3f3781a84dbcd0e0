// The projection that finishes what its focal block will not compute, frames and patches, against its definition.
#include <catch2/catch.hpp>

#include "tests/generators/layer.h"
#include "tests/generators/tile_lists.h"
#include "tests/generators/zero_response.h"
#include "tests/kernel_call.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"

using namespace afnet;

namespace {

struct Case {
    int width, height;
    std::vector<int> frames; // which the temporal mask selects
    reference::SpatialMask patches;
    bool whole;
};

// Of selected frames, the pixels of patches that are not selected become activation(pixel + rejected).
Tensor4 with_rejected(Tensor4 projected, const Case &at, const std::vector<double> &rejected,
                      const std::string &activation) {
    if (at.whole) return projected;
    for (int f = 0; f < projected.f; f++) {
        for (int y = 0; y < at.height && at.frames[size_t(f)] != 0; y++) {
            for (int x = 0; x < at.width; x++) {
                if (at.patches.selects(x, y, f, at.width, at.height)) continue;
                Tensor4 pixel(projected.c, 1, 1, 1);
                for (int c = 0; c < projected.c; c++)
                    pixel.at(c, 0, 0, 0) = projected.at(c, x, y, f) + rejected[size_t(c)];
                pixel = activate(activation, pixel);
                std::copy(pixel.data.begin(), pixel.data.end(), projected.pixel(x, y, f));
            }
        }
    }
    return projected;
}

void check(const KernelSpec &spec, const Case &at) {
    const int ci = spec_number(spec, "ci"), co = spec_number(spec, "co"), response = spec_number(spec, "response");
    const int frames = int(at.frames.size());
    const std::string activation = spec.params.at("activation");
    const Layer layer(ci, {co, 1, 1, 0, 1}, "linear");
    const Tensor4 in = random_frames(ci, at.width, at.height, frames, "in");
    const Tensor4 map = zero_response(co, at.width, at.height, response);
    const Tensor4 left = random_frames(co, 1, 1, 1, "rejected");
    const Tensor4 expected = with_response(with_rejected(layer.output(in), at, left.data, activation), map, at.frames,
                                           activation);
    Tensor4 magnitude = layer.magnitude(in);
    for (double &m : magnitude.data)
        m += 4; // no element of what is added is as large
    for (const Target &target : runnable_targets()) {
        INFO(spec.name() << " at " << at.width << "x" << at.height << ", whole " << at.whole << " on " << target.name);
        const Kernel &kernel = test_kernel_store(target).kernel(spec, kSpatialLibrary);
        const int co_block = kernel.entry->knobs.at("co_block");
        FrameMemory input(in, at.width % 2), residual(distinct_pixels(map, response), 0);
        FrameMemory output = FrameMemory::unwritten(co, at.width, at.height, frames, at.width % 2);
        KernelCall(kernel)
            .bind("input", input.view(1))
            .bind("weights", packed_buffer(pack_conv_weights(layer.weights_folded(), co, ci, 1, 1, co_block)))
            .bind("bias", packed_buffer(pack_conv_bias(layer.bias_folded(), co, 1, co_block)))
            .bind("residual", residual.view(1))
            .bind("rejected", packed_buffer({{co}, std::vector<float>(left.data.begin(), left.data.end())}))
            .bind("mask", integers(at.frames, {frames}))
            .bind("patches", integers(at.patches.patches, {at.patches.columns, at.patches.rows, frames}))
            .bind("whole", integers({at.whole ? frames : 0}, {1}))
            .bind("output", output.view(1))
            .run();
        CHECK(rounding_error(output.values(), expected, magnitude, layer.terms()) <= 1);
        CHECK(output.surroundings_intact());
    }
}

} // namespace

TEST_CASE("a projection finishes the frames and the patches that its block rejects", "[patch_projection]") {
    const std::vector<int> frames = {1, 0, 1, 1};
    for (const KernelSpec &spec : spatial_kernels()) {
        if (spec.generator != "patch_projection") continue;
        for (const int width : {1, 2, 7, 9, 15}) {
            for (const int height : {1, 5}) {
                for (const int grid : {1, 3, 7}) {
                    for (const reference::SpatialMask &patches : awkward_spatial_masks(grid, grid, 4))
                        check(spec, {width, height, frames, patches, false});
                }
            }
        }
        for (const std::vector<int> &mask : {std::vector<int>{0, 0}, {1, 1}, {0, 1}}) {
            for (const reference::SpatialMask &patches : awkward_spatial_masks(2, 2, 2)) {
                for (const bool whole : {false, true})
                    check(spec, {8, 6, mask, patches, whole});
            }
        }
    }
}
