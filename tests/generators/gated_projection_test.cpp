// A gated projection against its definition: gate, activation, convolution, residual.
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

// {columns, rows}: widths that tiles of every width divide, and that none does; several strips of rows.
const std::vector<std::pair<int, int>> kSizes = {{1, 1}, {2, 3}, {3, 5},  {4, 4},  {5, 1},
                                                 {6, 9}, {7, 7}, {13, 2}, {14, 5}, {28, 3}};

std::vector<KernelSpec> gated_specs() {
    std::vector<KernelSpec> specs;
    for (const KernelSpec &spec : test_kernels()) {
        if (spec.generator == "gated_projection") specs.push_back(spec);
    }
    return specs;
}

Tensor4 gated(const Tensor4 &in, const Tensor4 &gate, const std::string &activation) {
    Tensor4 product = in;
    const size_t c = size_t(in.c), pixels = size_t(in.x) * size_t(in.y);
    for (size_t i = 0; i < product.data.size(); i++)
        product.data[i] *= gate.data[i / (c * pixels) * c + i % c];
    return activate(activation, std::move(product));
}

Tensor4 absolute(Tensor4 values) {
    for (double &v : values.data)
        v = std::abs(v);
    return values;
}

Tensor4 first_frames(Tensor4 values, size_t count) {
    values.data.resize(count * values.data.size() / size_t(values.f));
    values.f = int(count);
    return values;
}

class GatedLayer {
public:
    GatedLayer(const KernelSpec &spec, const RunShape &shape, bool listed)
        : spec_(spec), shape_(shape),
          layer_(spec_number(spec, "ci"), {spec_number(spec, "co"), 1, 1, 0, spec_number(spec, "groups")}, "linear"),
          plan_(false, shape) {
        in_ = plan_.input("in", spec_number(spec, "ci"));
        TensorInfo vectors;
        vectors.name = "gate";
        vectors.extents = {in_.channels, shape.flat_frames()};
        vectors.storage = Storage::Input;
        gate_ = plan_.builder().network().plan.add(vectors);
        ConvLayer layer;
        layer.label = "layer";
        layer.conv = "conv";
        layer.norm = "norm";
        layer.out = spec_number(spec, "co");
        layer.groups = spec_number(spec, "groups");
        layer.activation = "linear";
        layer.gather = listed ? Gather::Compact : Gather::None;
        layer.selection = listed ? &plan_.selection() : nullptr;
        layer.scatter = spec_flag(spec, "scatter");
        if (spec_flag(spec, "add_residual")) layer.onto = plan_.input("onto", layer.out, 1);
        out_ = plan_.builder().gated_projection("gate", in_, gate_, spec.params.at("activation"), layer);
        REQUIRE(plan_.builder().network().plan.steps.back().kernel.name() == spec.name());
        if (!spec_flag(spec, "add_residual")) plan_.keep(out_);
    }

    void open(const Target &target) { plan_.open(test_kernel_store(target), kTestLibrary, layer_.weights()); }

    // The frames of the list, or all, are as defined; others keep what they held.
    void check(const std::vector<int> &mask) {
        const int frames = shape_.flat_frames();
        const std::vector<int> list = selected_frames(mask);
        const Tensor4 in = first_frames(random_frames(in_.channels, in_.width, in_.height, frames, "in"), list.size());
        const Tensor4 gates = random_frames(in_.channels, 1, 1, frames, "gate");
        const Tensor4 onto = random_frames(out_.channels, out_.width, out_.height, frames, "onto");
        std::vector<int> written = list; // compact, unless they are scattered
        if (!spec_flag(spec_, "scatter")) {
            for (size_t i = 0; i < written.size(); i++)
                written[i] = int(i);
        }
        plan_.select(mask);
        plan_.write(in_, padded(in));
        std::copy(gates.data.begin(), gates.data.end(), static_cast<float *>(plan_.executor().memory(gate_).data));
        plan_.write(out_, onto);
        plan_.run();
        const Tensor4 out = plan_.read(out_), residual = listed_frames(onto, written);
        const Tensor4 *added = spec_flag(spec_, "add_residual") ? &residual : nullptr;
        const Tensor4 read = gated(in, gates, spec_.params.at("activation"));
        // Gating adds a few roundings to each product.
        CHECK(rounding_error(listed_frames(out, written), layer_.output(read, added),
                             layer_.magnitude(gated(absolute(in), absolute(gates), "linear"), added),
                             layer_.terms() + 8) <= 1);
        std::vector<int> others;
        for (int f = 0; f < frames; f++) {
            if (std::count(written.begin(), written.end(), f) == 0) others.push_back(f);
        }
        CHECK(listed_frames(out, others).data == listed_frames(onto, others).data);
    }

private:
    // Behind the compact frames nothing may be read.
    Tensor4 padded(const Tensor4 &frames) const {
        Tensor4 all(in_.channels, in_.width, in_.height, shape_.flat_frames());
        std::fill(all.data.begin(), all.data.end(), std::numeric_limits<double>::quiet_NaN());
        std::copy(frames.data.begin(), frames.data.end(), all.data.begin());
        return all;
    }

    const KernelSpec &spec_;
    RunShape shape_;
    Layer layer_;
    ListedPlan plan_;
    Feature in_, out_;
    TensorId gate_ = kNoTensor;
};

template <class Check> void for_each_layer(int frames, int clips, bool listed, Check check) {
    for (const KernelSpec &spec : gated_specs()) {
        if (!listed && spec_flag(spec, "scatter")) continue;
        for (const auto &size : kSizes) {
            RunShape shape;
            shape.width = size.first;
            shape.height = size.second;
            shape.frames = frames;
            shape.clips = clips;
            for (const Target &target : runnable_targets()) {
                INFO(spec.name() << " at " << size.first << "x" << size.second << " on " << target.name);
                GatedLayer layer(spec, shape, listed);
                layer.open(target);
                check(layer);
            }
        }
    }
}

} // namespace

TEST_CASE("a gated projection equals its definition at every size", "[gated_projection]") {
    for_each_layer(3, 1, false, [](GatedLayer &layer) { layer.check({1, 1, 1}); });
}

TEST_CASE("a gated projection computes the listed frames and leaves every other bit alone", "[gated_projection]") {
    for_each_layer(3, 2, true, [](GatedLayer &layer) {
        for (const std::vector<int> &mask : awkward_masks(3, 2))
            layer.check(mask);
    });
}
