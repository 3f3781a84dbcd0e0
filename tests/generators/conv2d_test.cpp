// Convolutions over all frames against their definition: every spec, every tail of the schedules' tiles.
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <optional>

#include "runtime/error.h"
#include "tests/generators/layer.h"
#include "tests/generators/paired_winograd.h"
#include "tests/kernel_call.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"

using namespace afnet;

namespace {

const std::vector<int> kWidths = {1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 14, 15, 16};
const std::vector<int> kHeights = {1, 2, 3, 5, 8};

std::vector<KernelSpec> dense_specs() {
    std::vector<KernelSpec> specs;
    for (const KernelSpec &spec : test_kernels()) {
        if (spec.generator != "conv2d" || spec.params.count("response") > 0) continue;
        if (!spec_flag(spec, "gather") && !spec_flag(spec, "scatter")) specs.push_back(spec);
    }
    return specs;
}

enum class Residual { None, Apart, InPlace };

// One layer on one shape of output, its definition computed once for all targets.
class DenseCase {
public:
    /// `defined`: the layer as the kernel reads it, `packed`: as it is handed to packing.
    DenseCase(const KernelSpec &spec, const Layer &defined, const Layer &packed, int width, int height, int frames)
        : spec_(spec), layer_(packed), terms_(packed.terms()), width_(width), height_(height), frames_(frames),
          dtype_(dtype_of(spec)), input_dtype_(spec.params.count("f32_input") ? Dtype::F32 : dtype_) {
        const int stride = spec_number(spec, "stride");
        // Strided: odd and even inputs give the same output.
        const auto input_extent = [&](int extent, int other) { return stride * (extent - 1) + 1 + other % stride; };
        input_ = representable(random_frames(spec_number(spec, "ci"), input_extent(width, height),
                                             input_extent(height, width), frames, "input"),
                               input_dtype_);
        if (spec_flag(spec, "add_residual")) {
            residual_ =
                representable(random_frames(spec_number(spec, "co"), width, height, frames, "residual"), dtype_);
        }
        expected_ = defined.output(input_, residual());
        magnitude_ = defined.magnitude(input_, residual());
        REQUIRE(expected_.x == width);
        REQUIRE(expected_.y == height);
    }

    /// The same case as bf16 kernels of F(2x2, 3x3) have it.
    DenseCase in_paired_tiles() const {
        const int groups = spec_number(spec_, "groups");
        PairedWinograd paired = paired_winograd(input_, layer_.weights_folded(), expected_.c, groups);
        const std::vector<float> bias = layer_.bias_folded();
        for (size_t i = 0; i < paired.sum.data.size(); i++) {
            paired.sum.data[i] += double(bias[i % bias.size()]);
            paired.magnitude.data[i] += std::abs(double(bias[i % bias.size()]));
        }
        DenseCase result = *this;
        result.expected_ = activate(spec_.params.at("activation"), std::move(paired.sum));
        result.magnitude_ = std::move(paired.magnitude);
        return result;
    }

    void check(const Kernel &kernel, Residual how) const {
        const int k = spec_number(spec_, "kernel"), groups = spec_number(spec_, "groups");
        const int co = expected_.c, block = kernel.entry->knobs.at("co_block");
        // Plans hand out tensors whose border a layer does not read or write: their rows have gaps.
        FrameMemory input(input_, (k - 1) / 2 + frames_ % 2, false, input_dtype_);
        FrameMemory residual(residual_.value_or(Tensor4(1, 1, 1, 1)), 0, false, dtype_);
        FrameMemory output = how == Residual::InPlace
                                 ? FrameMemory(*residual_, width_ % 2, false, dtype_)
                                 : FrameMemory::unwritten(co, width_, height_, frames_, width_ % 2, dtype_);
        KernelCall call(kernel);
        call.bind("input", input.view(groups, k > 1))
            .bind("weights", packed_buffer(pack_conv2d_weights(layer_.weights_folded(), co, input_.c / groups, k,
                                                               groups, *kernel.entry),
                                           kernel, "weights"))
            .bind("bias", packed_buffer(pack_conv_bias(layer_.bias_folded(), co, groups, block)))
            .bind("residual", how == Residual::Apart ? residual.view(groups) : output.view(groups))
            .bind("sources", integers({0, 0, 0}, {3, 1}))
            .bind("mask", integers({0}, {1}))
            .bind("output", output.view(groups))
            .run();
        // Points as far apart as those of 5 x 5 outputs cost about a bit.
        const auto algorithm = kernel.entry->knobs.find("algorithm");
        const bool wide = algorithm != kernel.entry->knobs.end() && algorithm->second == 5;
        CHECK(rounding_error(output.values(), expected_, magnitude_, (wide ? 2 : 1) * terms_, dtype_) <= 1);
        CHECK(output.surroundings_intact());
    }

private:
    const Tensor4 *residual() const { return residual_ ? &*residual_ : nullptr; }

    const KernelSpec &spec_;
    const Layer &layer_;
    int terms_, width_, height_, frames_;
    Dtype dtype_, input_dtype_;
    Tensor4 input_, expected_, magnitude_;
    std::optional<Tensor4> residual_;
};

void check_on_all_targets(const KernelSpec &spec, const Layer &layer, int width, int height, int frames,
                          const std::string &library = kTestLibrary) {
    enum class Products { Floats, RoundedWeights, RoundedPoints };
    std::map<Products, DenseCase> defined; // the same for all targets that multiply the same numbers
    for (const Target &target : called_targets(spec)) {
        INFO(spec.name() << " to " << width << "x" << height << "x" << frames << " on " << target.name << ", "
                         << library);
        const Kernel &kernel = test_kernel_store(target).kernel(spec, library);
        const auto algorithm = kernel.entry->knobs.find("algorithm");
        const bool tiles = algorithm != kernel.entry->knobs.end() && algorithm->second > 1;
        const Products products = !reads_bfloat16(kernel, "weights") ? Products::Floats
                                  : tiles                            ? Products::RoundedPoints
                                                                     : Products::RoundedWeights;
        if (!defined.count(products)) {
            const DenseCase direct(spec, layer.as_read_by(kernel), layer, width, height, frames);
            defined.try_emplace(products,
                                products == Products::RoundedPoints ? direct.in_paired_tiles() : direct);
        }
        const DenseCase &shape = defined.at(products);
        if (!spec_flag(spec, "add_residual")) {
            shape.check(kernel, Residual::None);
            continue;
        }
        shape.check(kernel, Residual::Apart);
        shape.check(kernel, Residual::InPlace);
    }
}

} // namespace

TEST_CASE("a convolution equals its definition at every width and height", "[conv2d][gpu]") {
    for (const KernelSpec &spec : dense_specs()) {
        const Layer layer = layer_of(spec);
        for (int width : kWidths) {
            for (int height : kHeights) {
                for (int frames : {1, 3})
                    check_on_all_targets(spec, layer, width, height, frames);
            }
        }
    }
}

TEST_CASE("every algorithm and order of a convolution equals its definition", "[conv2d]") {
    for (const KernelVariant &variant : kernel_variants()) {
        for (const KernelSpec &spec : variant.specs) {
            if (spec.generator != "conv2d") continue;
            const Layer layer = layer_of(spec);
            for (const Target &target : executable_targets(spec)) {
                const Kernel &kernel = test_kernel_store(target).kernel(spec, variant.library);
                for (const auto &[knob, value] : variant.knobs)
                    CHECK(kernel.entry->knobs.at(knob) == value);
            }
            for (int width : {1, 2, 3, 4, 5, 7, 8, 14}) {
                for (int height : {1, 2, 4, 5, 7}) {
                    for (int frames : {1, 3}) {
                        check_on_all_targets(spec, layer, width, height, frames, variant.library);
                    }
                }
            }
        }
    }
}

TEST_CASE("a convolution refuses an output with other channels than it was made for", "[conv2d]") {
    const KernelSpec spec = conv2d_spec(7, 17, 1, 1, 1, "relu");
    const Kernel &kernel = test_kernel_store(runnable_targets().back()).kernel(spec, kTestLibrary);
    const Layer layer = layer_of(spec);
    const int block = kernel.entry->knobs.at("co_block");
    FrameMemory input(Tensor4(7, 4, 4, 1)), output = FrameMemory::unwritten(16, 4, 4, 1);
    KernelCall call(kernel);
    call.bind("input", input.view(1))
        .bind("weights", packed_buffer(pack_conv_weights(layer.weights_folded(), 17, 7, 1, 1, block)))
        .bind("bias", packed_buffer(pack_conv_bias(layer.bias_folded(), 17, 1, block)))
        .bind("residual", output.view(1))
        .bind("sources", integers({0, 0, 0}, {3, 1}))
        .bind("mask", integers({0}, {1}))
        .bind("output", output.view(1));
    CHECK_THROWS_AS(call.run(), Error);
    CHECK(output.surroundings_intact());
}
