// Convolutions whose kernel reads on the device how many frames it computes, against their definition: lists of none,
// one and all frames, and tensors of frames that a list made compact.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

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

Tensor4 not_numbers(const Tensor4 &like) {
    Tensor4 values = like;
    std::fill(values.data.begin(), values.data.end(), std::numeric_limits<double>::quiet_NaN());
    return values;
}

// The first frames are `some`, nothing is in the others.
Tensor4 compact(const Tensor4 &some, int frames) {
    Tensor4 all = not_numbers(Tensor4(some.c, some.x, some.y, frames));
    std::copy(some.data.begin(), some.data.end(), all.data.begin());
    return all;
}

Tensor4 first_frames(Tensor4 tensor, size_t count) {
    tensor.data.resize(count * tensor.data.size() / size_t(tensor.f));
    tensor.f = int(count);
    return tensor;
}

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
        FrameMemory input(gather ? in : compact(read, frames), (k - 1) / 2, true);
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
            CHECK(std::all_of(out.data.begin() + long(expected.data.size()), out.data.end(),
                              [](double v) { return std::isnan(v); }));
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
