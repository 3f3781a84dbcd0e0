// The projection at the entry of a focal stream, which finishes the frames that the mask rejects, against its definition.
#include <catch2/catch.hpp>

#include "tests/generators/layer.h"
#include "tests/generators/listed_plan.h"
#include "tests/generators/zero_response.h"
#include "tests/kernel_call.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"

using namespace afnet;

namespace {

// Projects random frames; those that `mask` rejects are to be activation(projection + map), the others the projection.
void check(const KernelSpec &spec, int width, int height, const std::vector<int> &mask, bool skipped) {
    const int ci = spec_number(spec, "ci"), co = spec_number(spec, "co"), groups = spec_number(spec, "groups");
    const int frames = int(mask.size()), response = spec_number(spec, "response");
    const Dtype dtype = dtype_of(spec);
    const Layer layer(ci, {co, 1, 1, 0, groups}, "linear");
    const Tensor4 in = representable(random_frames(ci, width, height, frames, "in"), dtype);
    const Tensor4 map = skipped ? Tensor4(co, width, height, 1)
                                : representable(zero_response(co, width, height, response), dtype);
    const Tensor4 table = skipped ? Tensor4(co, 1, 1, 1) : distinct_pixels(map, response);
    for (const Target &target : called_targets(dtype)) {
        INFO(spec.name() << " at " << width << "x" << height << " on " << target.name);
        const Kernel &kernel = test_kernel_store(target).kernel(spec, kTestLibrary);
        const Layer defined = layer.as_read_by(kernel);
        const Tensor4 expected = with_response(defined.output(in), map, mask, spec.params.at("activation"));
        Tensor4 magnitude = defined.magnitude(in);
        for (double &m : magnitude.data) m += 4;  // no element of the map is as large
        FrameMemory input(in, width % 2, false, dtype), residual(table, 0, false, dtype);
        FrameMemory output = FrameMemory::unwritten(co, width, height, frames, width % 2, dtype);
        KernelCall(kernel)
            .bind("input", input.view(groups))
            .bind("weights", packed_buffer(pack_conv2d_weights(layer.weights_folded(), co, ci / groups, 1, groups,
                                                               *kernel.entry),
                                           kernel, "weights"))
            .bind("bias", packed_buffer(pack_conv_bias(layer.bias_folded(), co, groups,
                                                       kernel.entry->knobs.at("co_block"))))
            .bind("residual", residual.view(groups))
            .bind("sources", integers({0, 0, 0}, {3, 1}))
            .bind("mask", integers(mask, {frames}))
            .bind("output", output.view(groups))
            .run();
        CHECK(rounding_error(output.values(), expected, magnitude, layer.terms(), dtype) <= 1);
        CHECK(output.surroundings_intact());
    }
}

template <class Check>
void for_each_projection(Check check) {
    for (const KernelSpec &spec : test_kernels()) {
        if (spec.generator == "conv2d" && spec.params.count("response") > 0) check(spec);
    }
}

}  // namespace

TEST_CASE("a projection finishes the frames that the mask rejects", "[conv2d][gpu]") {
    for_each_projection([](const KernelSpec &spec) {
        for (int width : {1, 2, 3, 4, 6, 9, 15}) {
            for (int height : {1, 2, 5}) check(spec, width, height, {1, 0, 0, 1, 0}, false);
        }
        for (const std::vector<int> &mask : awkward_masks(3, 2)) check(spec, 7, 3, mask, false);
    });
}

TEST_CASE("a projection may finish rejected frames with its activation alone", "[conv2d][gpu]") {
    for_each_projection([](const KernelSpec &spec) {
        for (int side : {1, 2, 5}) check(spec, side, side, {0, 1, 0}, true);
    });
}
