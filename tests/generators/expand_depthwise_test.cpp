// An expansion fused with its depthwise convolution against the definition of the two, one after the other.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "tests/generators/layer.h"
#include "tests/generators/listed_plan.h"
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

} // namespace

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
