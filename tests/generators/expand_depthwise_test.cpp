// An expansion fused with its depthwise convolution against the definition of the two, one after the other.
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

// {columns, rows}: tiles of every width, tiles moved inwards, several strips of rows, one pixel.
const std::vector<std::pair<int, int>> kSizes = {{1, 1}, {2, 3},  {3, 1},  {4, 2},  {5, 5},   {6, 4},  {7, 7},
                                                 {8, 2}, {13, 3}, {14, 5}, {15, 6}, {29, 30}, {3, 61}, {31, 1}};

constexpr char kSpatial[] = "spatial."; // prefix of the depthwise convolution's parameters

Layer expansion_of(const KernelSpec &spec) {
    return Layer(spec_number(spec, "ci"), {spec_number(spec, "co"), 1, 1, 0, spec_number(spec, "groups")},
                 spec.params.at("expanded"), 1);
}

Layer spatial_of(const KernelSpec &spec) {
    const int channels = spec_number(spec, "co"), kernel = spec_number(spec, "kernel");
    return Layer(channels, {channels, kernel, spec_number(spec, "stride"), (kernel - 1) / 2, channels},
                 spec.params.at("activation"), 2);
}

class FusedLayers {
public:
    FusedLayers(const KernelSpec &spec, const RunShape &shape, Gather gather)
        : spec_(spec), shape_(shape), expansion_(expansion_of(spec)), spatial_(spatial_of(spec)), defined_(expansion_),
          plan_(spec_flag(spec, "shift"), shape) {
        in_ = plan_.input("in", spec_number(spec, "ci"), 0, true);
        ConvLayer expansion, spatial;
        expansion.label = "block.conv1";
        expansion.conv = "conv";
        expansion.norm = "norm";
        expansion.out = spec_number(spec, "co");
        expansion.groups = spec_number(spec, "groups");
        expansion.activation = spec.params.at("expanded");
        expansion.gather = gather;
        expansion.selection = gather == Gather::Selected ? &plan_.selection() : nullptr;
        spatial.label = "block.conv2";
        spatial.conv = std::string(kSpatial) + "conv";
        spatial.norm = std::string(kSpatial) + "norm";
        spatial.kernel = spec_number(spec, "kernel");
        spatial.stride = spec_number(spec, "stride");
        spatial.activation = spec.params.at("activation");
        out_ = plan_.builder().expand_depthwise(in_, expansion, spatial);
        REQUIRE(plan_.builder().network().plan.steps.back().kernel.name() == spec.name());
        plan_.keep(out_);
    }

    void open(const Target &target) {
        const std::string prefix = kSpatial;
        const Weights weights = [first = expansion_.weights(), second = spatial_.weights(),
                                 prefix](const ParameterInfo &parameter) {
            if (parameter.key.rfind(prefix, 0) != 0) return first(parameter);
            return second({parameter.key.substr(prefix.size()), parameter.shape});
        };
        plan_.open(test_kernel_store(target), kTestLibrary, weights);
        const auto &steps = plan_.builder().network().plan.steps; // a list of all frames may precede the layers
        defined_ = expansion_.as_read_by(plan_.executor().kernel(steps.size() - 1));
    }

    // Selected frames of the output are as defined, all others as they were: NaN.
    void check(const std::vector<int> &mask) {
        const Tensor4 in =
            representable(random_frames(in_.channels, in_.width, in_.height, shape_.flat_frames(), "in"), shape_.dtype);
        const std::vector<int> list = selected_frames(mask);
        const Tensor4 read =
            listed_frames(spec_flag(spec_, "shift") ? reference::temporal_shift(in, shape_.frames) : in, list);
        Tensor4 unwritten(out_.channels, out_.width, out_.height, shape_.flat_frames());
        std::fill(unwritten.data.begin(), unwritten.data.end(), std::numeric_limits<double>::quiet_NaN());
        plan_.select(mask);
        plan_.write(in_, in);
        plan_.write(out_, unwritten);
        plan_.run();
        Tensor4 out = plan_.read(out_);
        const size_t written = list.size() * out.data.size() / size_t(out.f);
        CHECK(std::all_of(out.data.begin() + long(written), out.data.end(), [](double v) { return std::isnan(v); }));
        out.data.resize(written);
        // The expansion's error, at most 1.5 (terms + 8) u of its magnitude, passes through the depthwise sum, whose
        // magnitude is therefore taken over magnitudes; an activation behind it stretches it 1.5 times once more.
        const int terms = 2 * (expansion_.terms() + 8) + spatial_.terms();
        CHECK(rounding_error(out, spatial_.output(defined_.output(read)), spatial_.magnitude(defined_.magnitude(read)),
                             terms, shape_.dtype) <= 1);
    }

private:
    const KernelSpec &spec_;
    RunShape shape_;
    Layer expansion_, spatial_, defined_;
    ListedPlan plan_;
    Feature in_, out_;
};

std::vector<KernelSpec> fused_specs() {
    std::vector<KernelSpec> specs;
    for (const KernelSpec &spec : test_kernels()) {
        if (spec.generator == "expand_depthwise") specs.push_back(spec);
    }
    return specs;
}

RunShape run_shape(const KernelSpec &spec, std::pair<int, int> size, int frames, int clips) {
    RunShape shape;
    shape.dtype = dtype_of(spec);
    shape.width = size.first;
    shape.height = size.second;
    shape.frames = frames;
    shape.clips = clips;
    return shape;
}

template <class Check> void on_every_target(const KernelSpec &spec, const RunShape &shape, Gather gather, Check check) {
    for (const Target &target : runnable_targets(dtype_of(spec))) {
        INFO(spec.name() << " at " << shape.width << "x" << shape.height << ", " << shape.clips << " clips of "
                         << shape.frames << " on " << target.name);
        FusedLayers layers(spec, shape, gather);
        layers.open(target);
        check(layers);
    }
}

// Called directly, where the kernel itself counts the listed frames.
void check_counted(const KernelSpec &spec, const RunShape &shape, const std::vector<int> &mask) {
    const int ci = spec_number(spec, "ci"), co = spec_number(spec, "co"), groups = spec_number(spec, "groups");
    const int kernel_size = spec_number(spec, "kernel"), stride = spec_number(spec, "stride");
    const int frames = shape.flat_frames(), width = (shape.width + stride - 1) / stride,
              height = (shape.height + stride - 1) / stride;
    const bool gather = spec_flag(spec, "gather");
    const Layer expansion = expansion_of(spec), spatial = spatial_of(spec);
    const std::vector<int> list = selected_frames(mask);
    const Tensor4 in = random_frames(ci, shape.width, shape.height, frames, "in");
    Tensor4 read = first_frames(in, list.size());
    if (gather) {
        read = listed_frames(spec_flag(spec, "shift") ? reference::temporal_shift(in, shape.frames) : in, list);
    }
    const int terms = 2 * (expansion.terms() + 8) + spatial.terms(); // FusedLayers::check()
    for (const Target &target : called_targets(spec)) {
        INFO(spec.name() << " at " << shape.width << "x" << shape.height << ", " << list.size() << " of " << frames
                         << " frames, on " << target.name);
        const Kernel &kernel = test_kernel_store(target).kernel(spec, kTestLibrary);
        const int block = knob_of(*kernel.entry, "co_block");
        FrameMemory input(gather ? in : compact_frames(read, frames), 0, true);
        FrameMemory output = FrameMemory::unwritten(co, width, height, frames, shape.width % 2);
        KernelCall(kernel)
            .bind("input", input.view(groups))
            .bind("weights", packed_buffer(pack_expansion_weights(expansion.weights_folded(), co, ci / groups, groups,
                                                                  *kernel.entry)))
            .bind("bias", packed_buffer(pack_conv_bias(expansion.bias_folded(), co, groups, block)))
            .bind("depthwise_weights", packed_buffer(pack_blocked_depthwise_weights(spatial.weights_folded(), co,
                                                                                    kernel_size, groups, block)))
            .bind("depthwise_bias", packed_buffer(pack_conv_bias(spatial.bias_folded(), co, groups, block)))
            .bind("sources", integers(source_list(mask, shape.frames), {3, frames}))
            .bind("count", integers({int(list.size())}, {1}))
            .bind("output", output.view(groups))
            .run();
        const Tensor4 out = output.values();
        CHECK(rounding_error(first_frames(out, list.size()), spatial.output(expansion.output(read)),
                             spatial.magnitude(expansion.magnitude(read)), terms) <= 1);
        CHECK(no_numbers_from(out, list.size()));
        CHECK(output.surroundings_intact());
    }
}

} // namespace

TEST_CASE("a fused expansion computes as many frames as the device counts", "[gpu][gpu_only]") {
    if (!testing_gpu()) return; // CPU kernels are given the frames that they compute
    for (const KernelSpec &spec : fused_specs()) {
        if (dtype_of(spec) != Dtype::F32) continue;
        for (const auto &size : kSizes)
            check_counted(spec, run_shape(spec, size, 2, 1), {1, 1});
        for (const auto &[frames, clips] : {std::pair(4, 2), std::pair(1, 3)}) {
            for (const std::vector<int> &mask : awkward_masks(frames, clips))
                check_counted(spec, run_shape(spec, {9, 4}, frames, clips), mask);
        }
    }
}

TEST_CASE("a fused expansion and depthwise convolution equal their definitions at every size", "[expand_depthwise]") {
    for (const KernelSpec &spec : fused_specs()) {
        const bool gathers = spec_flag(spec, "gather"), shifts = spec_flag(spec, "shift");
        const Gather gather = shifts ? Gather::Shifted : gathers ? Gather::Selected : Gather::None;
        for (const auto &size : kSizes) {
            on_every_target(spec, run_shape(spec, size, 2, 1), gather, [](FusedLayers &layers) {
                layers.check({1, 1});
            });
        }
    }
}

TEST_CASE("a fused expansion computes the listed frames and writes no others", "[expand_depthwise]") {
    const std::vector<std::pair<int, int>> clips = {{4, 2}, {1, 3}, {5, 1}};
    for (const KernelSpec &spec : fused_specs()) {
        if (!spec_flag(spec, "gather")) continue;
        for (const auto &size : {std::pair(1, 1), std::pair(5, 4), std::pair(14, 3)}) {
            for (const auto &[frames, count] : clips) {
                on_every_target(spec, run_shape(spec, size, frames, count), Gather::Selected, [&](FusedLayers &layers) {
                    for (const std::vector<int> &mask : awkward_masks(frames, count))
                        layers.check(mask);
                });
            }
        }
    }
}
