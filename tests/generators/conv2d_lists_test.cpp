// Convolutions over work lists against their definition: gather, shift and scatter, through the executor.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>

#include "tests/generators/layer.h"
#include "tests/generators/listed_plan.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"

using namespace afnet;

namespace {

// {columns, rows}: every specialization of a tile's width, and one pixel.
const std::vector<std::pair<int, int>> kSizes = {{1, 1}, {2, 3}, {3, 1}, {4, 2}, {5, 5}, {7, 1}, {13, 2}, {14, 3}};
// {frames per clip, clips}
const std::vector<std::pair<int, int>> kClips = {{4, 2}, {1, 3}, {5, 1}};

std::vector<KernelSpec> listed_specs(bool scatter) {
    std::vector<KernelSpec> specs;
    for (const KernelSpec &spec : test_kernels()) {
        if (spec.generator != "conv2d" || spec_flag(spec, "scatter") != scatter) continue;
        if (scatter || spec_flag(spec, "gather")) specs.push_back(spec);
    }
    return specs;
}

RunShape run_shape(const KernelSpec &spec, std::pair<int, int> size, std::pair<int, int> clips) {
    RunShape shape;
    shape.dtype = dtype_of(spec);
    shape.width = size.first;
    shape.height = size.second;
    shape.frames = clips.first;
    shape.clips = clips.second;
    return shape;
}

Tensor4 not_numbers(int c, const RunShape &shape) {
    Tensor4 values(c, shape.width, shape.height, shape.flat_frames());
    std::fill(values.data.begin(), values.data.end(), std::numeric_limits<double>::quiet_NaN());
    return values;
}

// One listed layer on tensors of its own.
class ListedLayer {
public:
    ListedLayer(const KernelSpec &spec, const RunShape &shape, Gather gather)
        : spec_(spec), shape_(shape), layer_(layer_of(spec)), defined_(layer_), plan_(spec_flag(spec, "shift"), shape) {
        const int kernel = spec_number(spec, "kernel");
        in_ = plan_.input("in", spec_number(spec, "ci"), (kernel - 1) / 2, true);
        ConvLayer layer;
        layer.label = "layer";
        layer.conv = "conv";
        layer.norm = "norm";
        layer.out = spec_number(spec, "co");
        layer.kernel = kernel;
        layer.groups = spec_number(spec, "groups");
        layer.activation = spec.params.at("activation");
        layer.gather = gather;
        layer.selection = gather == Gather::Shifted ? nullptr : &plan_.selection();
        layer.scatter = spec_flag(spec, "scatter");
        if (layer.scatter) layer.onto = plan_.input("onto", layer.out, 1);
        out_ = plan_.builder().conv(in_, layer);
        REQUIRE(plan_.builder().network().plan.steps.back().kernel.name() == spec.name());
        if (!layer.scatter) plan_.keep(out_);
    }

    void open(const Target &target) {
        plan_.open(test_kernel_store(target), kTestLibrary, layer_.weights());
        const auto &steps = plan_.builder().network().plan.steps; // a list of all frames may precede the layer
        defined_ = layer_.as_read_by(plan_.executor().kernel(steps.size() - 1));
    }

    // Selected frames of the output are as defined, all others as they were: NaN.
    void check_compact(const std::vector<int> &mask) {
        const Tensor4 in = frames_of(in_, "in");
        const std::vector<int> list = selected_frames(mask);
        const Tensor4 read = listed_frames(shifted(in), list);
        plan_.select(mask);
        plan_.write(in_, in);
        plan_.write(out_, not_numbers(out_.channels, shape_));
        plan_.run();
        Tensor4 out = plan_.read(out_);
        const size_t written = list.size() * out.data.size() / size_t(out.f);
        CHECK(std::all_of(out.data.begin() + long(written), out.data.end(), [](double v) { return std::isnan(v); }));
        out.data.resize(written);
        CHECK(rounding_error(out, defined_.output(read), defined_.magnitude(read), layer_.terms(), shape_.dtype) <= 1);
    }

    // The same in place: listed frames have the residual branch added, the others keep their bits.
    void check_scatter(const std::vector<int> &mask) {
        const std::vector<int> list = selected_frames(mask);
        const bool gathers = spec_flag(spec_, "gather");
        const Tensor4 in = frames_of(in_, "in"), onto = frames_of(out_, "onto");
        const Tensor4 residual = listed_frames(onto, list);
        Tensor4 read = in;
        read.f = int(list.size());
        read.data.resize(list.size() * in.data.size() / size_t(in.f));
        if (gathers) read = listed_frames(shifted(in), list);
        plan_.select(mask);
        plan_.write(in_, gathers ? in : compact(read));
        plan_.write(out_, onto);
        plan_.run();
        const Tensor4 out = plan_.read(out_);
        CHECK(rounding_error(listed_frames(out, list), defined_.output(read, &residual),
                             defined_.magnitude(read, &residual), layer_.terms(), shape_.dtype) <= 1);
        std::vector<int> others;
        for (size_t f = 0; f < mask.size(); f++) {
            if (mask[f] == 0) others.push_back(int(f));
        }
        CHECK(listed_frames(out, others).data == listed_frames(onto, others).data);
    }

private:
    Tensor4 frames_of(const Feature &feature, const char *name) const {
        return representable(random_frames(feature.channels, shape_.width, shape_.height, shape_.flat_frames(), name),
                             shape_.dtype);
    }

    Tensor4 shifted(const Tensor4 &in) const {
        return spec_flag(spec_, "shift") ? reference::temporal_shift(in, shape_.frames) : in;
    }

    // Behind the compact frames nothing may be read.
    Tensor4 compact(const Tensor4 &frames) const {
        Tensor4 all = not_numbers(frames.c, shape_);
        std::copy(frames.data.begin(), frames.data.end(), all.data.begin());
        return all;
    }

    const KernelSpec &spec_;
    RunShape shape_;
    Layer layer_, defined_;
    ListedPlan plan_;
    Feature in_, out_;
};

template <class Check>
void for_each_listed_layer(bool scatter, Check check) {
    for (const KernelSpec &spec : listed_specs(scatter)) {
        const Gather gather = spec_flag(spec, "gather") ? Gather::Selected : Gather::Compact;
        for (const auto &size : kSizes) {
            for (const auto &clips : kClips) {
                for (const Target &target : executable_targets(spec)) {
                    INFO(spec.name() << " at " << size.first << "x" << size.second << ", " << clips.second
                                     << " clips of " << clips.first << " on " << target.name);
                    ListedLayer layer(spec, run_shape(spec, size, clips), gather);
                    layer.open(target);
                    for (const std::vector<int> &mask : awkward_masks(clips.first, clips.second)) check(layer, mask);
                }
            }
        }
    }
}

}  // namespace

TEST_CASE("a gathering convolution equals its definition on the listed frames and writes no others", "[conv2d]") {
    for_each_listed_layer(false, [](ListedLayer &layer, const std::vector<int> &mask) { layer.check_compact(mask); });
}

TEST_CASE("a scattering convolution adds onto the listed frames and leaves every other bit alone", "[conv2d]") {
    for_each_listed_layer(true, [](ListedLayer &layer, const std::vector<int> &mask) { layer.check_scatter(mask); });
}

TEST_CASE("a shifting convolution over all frames equals its definition", "[conv2d]") {
    for (const KernelSpec &plain : {conv2d_spec(24, 20, 1, 1, 1, "relu", false, true, true),
                                    conv2d_spec(32, 36, 1, 1, 2, "linear", false, true, true)}) {
        for (const Dtype dtype : runnable_dtypes()) {
            const KernelSpec spec = with_dtype(plain, dtype);
            for (const auto &clips : kClips) {
                for (const Target &target : executable_targets(spec)) {
                    INFO(spec.name() << ", " << clips.second << " clips of " << clips.first << " on " << target.name);
                    ListedLayer layer(spec, run_shape(spec, {6, 3}, clips), Gather::Shifted);
                    layer.open(target);
                    layer.check_compact(std::vector<int>(size_t(clips.first * clips.second), 1));
                }
            }
        }
    }
}
