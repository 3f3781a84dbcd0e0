// Convolutions whose kernel reads on the device how many frames it computes, against their definition: lists of none,
// one and all frames, and tensors of frames that a list made compact.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/generators/layer.h"
#include "tests/generators/listed_plan.h"
#include "tests/kernel_call.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"

using namespace afnet;

namespace {

struct Shape {
    int width, height, clip_frames, clips;
    int frames() const { return clip_frames * clips; }
};

void check(const KernelSpec &spec, const Layer &layer, const Shape &shape, const std::vector<int> &mask) {
    const int k = spec_number(spec, "kernel"), groups = spec_number(spec, "groups"), co = spec_number(spec, "co");
    const int ci = spec_number(spec, "ci"), frames = shape.frames();
    const bool scatter = spec_flag(spec, "scatter"), residual = spec_flag(spec, "add_residual");
    const std::vector<int> list = selected_frames(mask);
    const Tensor4 in = random_frames(ci, shape.width, shape.height, frames, "in");
    const Tensor4 onto = random_frames(co, shape.width, shape.height, frames, "onto");
    const bool gather = spec_flag(spec, "gather");
    Tensor4 read = first_frames(in, list.size());
    if (gather) {
        read = listed_frames(spec_flag(spec, "shift") ? reference::temporal_shift(in, shape.clip_frames) : in, list);
    }
    const Tensor4 added = listed_frames(onto, list);
    const Tensor4 expected = layer.output(read, residual ? &added : nullptr);
    const Tensor4 magnitude = layer.magnitude(read, residual ? &added : nullptr);
    for (const Target &target : called_targets(spec)) {
        INFO(spec.name() << " at " << shape.width << "x" << shape.height << ", " << list.size() << " of " << frames
                         << " frames, on " << target.name);
        const Kernel &kernel = test_kernel_store(target).kernel(spec, kTestLibrary);
        FrameMemory input(gather ? in : compact_frames(read, frames), (k - 1) / 2, true);
        FrameMemory output(scatter ? onto : not_numbers(onto), shape.width % 2);
        KernelCall(kernel)
            .bind("input", input.view(groups, k > 1))
            .bind("weights",
                  packed_buffer(pack_conv2d_weights(layer.weights_folded(), co, ci / groups, k, groups, *kernel.entry)))
            .bind("bias",
                  packed_buffer(pack_conv_bias(layer.bias_folded(), co, groups, kernel.entry->knobs.at("co_block"))))
            .bind("residual", output.view(groups))
            .bind("sources", integers(source_list(mask, shape.clip_frames), {3, frames}))
            .bind("mask", integers(mask, {frames}))
            .bind("count", integers({int(list.size())}, {1}))
            .bind("output", output.view(groups))
            .run();
        const Tensor4 out = output.values();
        CHECK(rounding_error(scatter ? listed_frames(out, list) : first_frames(out, list.size()), expected, magnitude,
                             layer.terms()) <= 1);
        CHECK(output.surroundings_intact());
        if (scatter) {
            std::vector<int> others;
            for (int f = 0; f < frames; f++) {
                if (mask[size_t(f)] == 0) others.push_back(f);
            }
            CHECK(listed_frames(out, others).data == listed_frames(onto, others).data);
        } else {
            CHECK(no_numbers_from(out, list.size()));
        }
    }
}

} // namespace

TEST_CASE("a convolution computes as many frames as the device counts, and no others", "[gpu][gpu_only]") {
    if (!testing_gpu()) return; // CPU kernels are given the frames that they compute
    for (const KernelSpec &spec : test_kernels()) {
        if (spec.generator != "conv2d" || dtype_of(spec) != Dtype::F32 || spec.params.count("response") > 0) continue;
        const bool listed = spec_flag(spec, "gather") || spec_flag(spec, "scatter");
        if (!listed && spec.name() != conv2d_spec(8, 8, 3, 1, 2, "relu").name()) continue;
        const Layer layer = layer_of(spec);
        for (const Shape &shape : {Shape{1, 1, 4, 2}, Shape{5, 3, 5, 1}, Shape{14, 7, 1, 3}}) {
            for (const std::vector<int> &mask : awkward_masks(shape.clip_frames, shape.clips))
                check(spec, layer, shape, mask);
        }
    }
}
