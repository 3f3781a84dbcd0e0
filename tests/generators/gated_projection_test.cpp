// A gated projection against its definition: gate, activation, convolution, residual.
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

RunShape run_shape(std::pair<int, int> size, int frames, int clips) {
    RunShape shape;
    shape.width = size.first;
    shape.height = size.second;
    shape.frames = frames;
    shape.clips = clips;
    return shape;
}

template <class Check> void for_each_layer(int frames, int clips, bool listed, Check check) {
    for (const KernelSpec &spec : gated_specs()) {
        if (!listed && spec_flag(spec, "scatter")) continue;
        for (const auto &size : kSizes) {
            const RunShape shape = run_shape(size, frames, clips);
            for (const Target &target : runnable_targets()) {
                INFO(spec.name() << " at " << size.first << "x" << size.second << " on " << target.name);
                GatedLayer layer(spec, shape, listed);
                layer.open(target);
                check(layer);
            }
        }
    }
}

// Called directly, where the kernel itself counts the listed frames.
void check_counted(const KernelSpec &spec, const RunShape &shape, const std::vector<int> &mask) {
    const int ci = spec_number(spec, "ci"), co = spec_number(spec, "co"), groups = spec_number(spec, "groups");
    const int frames = shape.flat_frames();
    const bool scatter = spec_flag(spec, "scatter"), residual = spec_flag(spec, "add_residual");
    const Layer layer(ci, {co, 1, 1, 0, groups}, "linear");
    const std::vector<int> list = selected_frames(mask);
    const auto count = list.size();
    const Tensor4 in = first_frames(random_frames(ci, shape.width, shape.height, frames, "in"), count);
    const Tensor4 gates = random_frames(ci, 1, 1, frames, "gate");
    const Tensor4 onto = random_frames(co, shape.width, shape.height, frames, "onto");
    const auto written = [&](const Tensor4 &of) { return scatter ? listed_frames(of, list) : first_frames(of, count); };
    const Tensor4 added = written(onto), *addend = residual ? &added : nullptr;
    const Tensor4 expected = layer.output(gated(in, gates, spec.params.at("activation")), addend);
    const Tensor4 magnitude = layer.magnitude(gated(absolute(in), absolute(gates), "linear"), addend);
    for (const Target &target : called_targets(spec)) {
        INFO(spec.name() << " at " << shape.width << "x" << shape.height << ", " << count << " of " << frames
                         << " frames, on " << target.name);
        const Kernel &kernel = test_kernel_store(target).kernel(spec, kTestLibrary);
        const int block = knob_of(*kernel.entry, "co_block");
        FrameMemory input(compact_frames(in, frames)), output(onto, shape.width % 2);
        KernelCall(kernel)
            .bind("input", input.view(groups))
            .bind("gate", vectors(gates))
            .bind("weights",
                  packed_buffer(pack_conv_weights(layer.weights_folded(), co, ci / groups, 1, groups, block)))
            .bind("bias", packed_buffer(pack_conv_bias(layer.bias_folded(), co, groups, block)))
            .bind("residual", output.view(groups))
            .bind("sources", integers(source_list(mask, shape.frames), {3, frames}))
            .bind("count", integers({int(count)}, {1}))
            .bind("output", output.view(groups))
            .run();
        const Tensor4 out = output.values();
        CHECK(rounding_error(written(out), expected, magnitude, layer.terms() + 8) <= 1);
        CHECK(output.surroundings_intact());
        std::vector<int> others;
        for (int f = 0; f < frames; f++) {
            if (scatter ? mask[size_t(f)] == 0 : size_t(f) >= count) others.push_back(f);
        }
        CHECK(listed_frames(out, others).data == listed_frames(onto, others).data);
    }
}

} // namespace

TEST_CASE("a gated projection computes as many frames as the device counts, and no others", "[gpu][gpu_only]") {
    if (!testing_gpu()) return; // CPU kernels are given the frames that they compute
    for (const KernelSpec &spec : gated_specs()) {
        for (const auto &size : kSizes)
            check_counted(spec, run_shape(size, 3, 1), {1, 1, 1});
        for (const std::vector<int> &mask : awkward_masks(3, 2))
            check_counted(spec, run_shape({5, 3}, 3, 2), mask);
    }
}

TEST_CASE("a gated projection equals its definition at every size", "[gated_projection]") {
    for_each_layer(3, 1, false, [](GatedLayer &layer) { layer.check({1, 1, 1}); });
}

TEST_CASE("a gated projection computes the listed frames and leaves every other bit alone", "[gated_projection]") {
    for_each_layer(3, 2, true, [](GatedLayer &layer) {
        for (const std::vector<int> &mask : awkward_masks(3, 2))
            layer.check(mask);
    });
}
