// Layers by kernels of cuDNN and cuBLASLt, of stand-ins that compute on a CUDA driver that does not: what the executor
// hands them is compared with the definition.
#include <catch2/catch.hpp>
#include <cmath>
#include <optional>

#include "model/packing.h"
#include "runtime/executor.h"
#include "runtime/vendor_choice.h"
#include "tests/fake_cuda/fake_vendors.h"
#include "tests/frame_memory.h"
#include "tests/generators/layer.h"

using namespace afnet;
using namespace afnet_test;

namespace {

// Of the small networks.
std::vector<KernelSpec> served_specs() {
    std::vector<KernelSpec> served;
    KernelStore store(AFNET_TEST_KERNELS, cuda());
    for (const Manifest &manifest : store.manifests()) {
        for (const KernelEntry &entry : manifest.kernels) {
            if (!vendors_for(entry.spec).empty()) served.push_back(entry.spec);
        }
    }
    return served;
}

// Convolutions one behind the other; those that add a residual do so in place.
class Chain {
public:
    Chain(Tensor4 input) : value_(std::move(input)) { tensor_ = add("input", value_, Storage::Input, 0); }

    void convolve(const KernelSpec &spec, int border = 0) {
        const Layer layer = layer_of(spec);
        const bool adds = spec_flag(spec, "add_residual");
        Tensor4 result = layer.output(value_);
        TensorId out = kNoTensor;
        if (adds) {
            const Tensor4 residual = random_frames(result.c, result.x, result.y, result.f, "noise", 5);
            result = layer.output(value_, &residual);
            out = add("residual", residual, Storage::Input, 0);
        } else {
            out = add("output", result, Storage::Arena, border);
        }
        const int groups = spec_number(spec, "groups");
        Step step;
        step.label = "layer" + std::to_string(plan_.steps.size());
        step.kernel = spec;
        const TensorId weights = constant("weights"), bias = constant("bias");
        const TensorId unused = unused_list(1), sources = unused_list(3);
        step.arguments = {{"input", tensor_, Frames::All, groups, spec_number(spec, "kernel") > 1},
                          {"weights", weights},
                          {"bias", bias},
                          {"residual", out, Frames::All, groups, false, !adds},
                          {"mask", unused, Frames::All, 0, false, true},
                          {"sources", sources, Frames::All, 0, false, true},
                          {"output", out, Frames::All, groups}};
        step.frames = value_.f;
        plan_.steps.push_back(step);
        constants_.push_back({weights, bias, layer});
        magnitude_ = layer.magnitude(value_);
        value_ = std::move(result);
        terms_ = layer.terms();
        tensor_ = out;
    }

    // The last tensor, whole.
    Tensor4 run(const VendorPolicy &policy) {
        if (plan_.tensors[size_t(tensor_)].storage == Storage::Arena) {
            plan_.tensors[size_t(tensor_)].storage = Storage::Kept;
        }
        store_ = std::make_unique<KernelStore>(AFNET_TEST_KERNELS, cuda(), policy);
        executor_ = std::make_unique<Executor>(plan_, *store_, "small_af_resnet");
        for (size_t i = 0; i < constants_.size(); i++)
            fill_constants(i);
        for (const auto &[id, content] : contents_)
            write(id, content);
        executor_->run();
        const std::vector<float> numbers = executor_->numbers(tensor_);
        Tensor4 result = value_;
        REQUIRE(numbers.size() == result.data.size());
        result.data.assign(numbers.begin(), numbers.end());
        return result;
    }

    Executor &executor() { return *executor_; }
    const Tensor4 &expected() const { return value_; }
    const Tensor4 &magnitude() const { return magnitude_; }
    int terms() const { return terms_; }

private:
    struct Constants {
        TensorId weights, bias;
        Layer layer;
    };

    TensorId add(const char *name, const Tensor4 &content, Storage storage, int border) {
        TensorInfo info;
        info.name = name;
        info.extents = {content.c, content.x, content.y, content.f};
        info.storage = storage;
        info.border = border;
        const TensorId id = plan_.add(info);
        if (storage == Storage::Input) contents_.emplace_back(id, content);
        return id;
    }
    TensorId constant(const char *name) {
        TensorInfo info;
        info.name = name;
        info.storage = Storage::Constant;
        return plan_.add(info);
    }
    TensorId unused_list(int dimension) {
        TensorInfo info;
        info.name = "unused";
        info.type = ElementType::Int32;
        info.extents = dimension == 1 ? std::vector<int>{1} : std::vector<int>{3, 1};
        info.storage = Storage::Input;
        return plan_.add(info);
    }
    void write(TensorId id, const Tensor4 &content) {
        float *to = static_cast<float *>(executor_->memory(id).data);
        for (size_t i = 0; i < content.data.size(); i++)
            to[i] = float(content.data[i]);
    }
    void fill_constants(size_t i) {
        const KernelSpec &spec = plan_.steps[i].kernel;
        const KernelEntry &entry = *executor_->kernel(i).entry;
        const int co = spec_number(spec, "co"), groups = spec_number(spec, "groups");
        PackedConstant weights = pack_conv2d_weights(constants_[i].layer.weights_folded(), co,
                                                     spec_number(spec, "ci") / groups, spec_number(spec, "kernel"),
                                                     groups, entry);
        PackedConstant bias = pack_conv2d_bias(constants_[i].layer.bias_folded(), co, groups, entry);
        executor_->set_constant(constants_[i].weights, std::move(weights.extents), weights.elements);
        executor_->set_constant(constants_[i].bias, std::move(bias.extents), bias.elements);
    }

    Plan plan_;
    Tensor4 value_, magnitude_;
    int terms_ = 0;
    TensorId tensor_ = kNoTensor;
    std::vector<Constants> constants_;
    std::vector<std::pair<TensorId, Tensor4>> contents_;
    std::unique_ptr<KernelStore> store_;
    std::unique_ptr<Executor> executor_;
};

// Of each layer's factors, relative to the sum of absolute products: both may be off by half a unit.
double rounding_bound(VendorRounding rounding) {
    return std::ldexp(1.0, rounding == VendorRounding::Bf16 ? -7 : -10);
}

double largest_error(const Tensor4 &actual, const Tensor4 &expected, const Tensor4 &magnitude) {
    double largest = 0;
    for (size_t i = 0; i < expected.data.size(); i++)
        largest = std::max(largest, std::abs(actual.data[i] - expected.data[i]) / magnitude.data[i]);
    return largest;
}

} // namespace

TEST_CASE("a vendor's kernel computes each layer's definition, with no more rounding than allowed",
          "[vendor_kernels]") {
    fresh_fake_vendors();
    const std::vector<KernelSpec> specs = served_specs();
    REQUIRE(specs.size() >= 10);
    for (const KernelSpec &spec : specs) {
        for (const auto &[width, height, frames] : {std::tuple{1, 1, 1}, {5, 3, 2}, {4, 7, 3}}) {
            INFO(spec.name() << " " << width << "x" << height << "x" << frames);
            Chain chain(random_frames(spec_number(spec, "ci"), width, height, frames, "noise", 3));
            chain.convolve(spec);
            const Tensor4 exact = chain.run(everywhere(VendorRounding::F32));
            CHECK(chain.executor().vendor_steps() == 1);
            CHECK(rounding_error(exact, chain.expected(), chain.magnitude(), chain.terms()) <= 1);
            for (const VendorRounding rounding : {VendorRounding::Tf32, VendorRounding::Bf16, VendorRounding::F16}) {
                const Tensor4 rounded = chain.run(everywhere(rounding));
                CHECK(largest_error(rounded, exact, chain.magnitude()) <= rounding_bound(rounding));
                CHECK(rounded.data != exact.data);
            }
        }
    }
}

TEST_CASE("libraries write through no border, and a record chooses layer by layer", "[vendor_kernels]") {
    const FakeCuda &fake = fresh_fake_vendors();
    // Reduce, convolve, expand and add.
    const std::vector<KernelSpec> specs = served_specs();
    const auto like = [&](int kernel, int ci, bool adds) -> std::optional<KernelSpec> {
        for (const KernelSpec &spec : specs) {
            if (spec_number(spec, "kernel") == kernel && spec_number(spec, "groups") == 1 &&
                spec_number(spec, "stride") == 1 && (ci == 0 || spec_number(spec, "ci") == ci) &&
                spec_flag(spec, "add_residual") == adds) {
                return spec;
            }
        }
        return std::nullopt;
    };
    const std::optional<KernelSpec> middle = like(3, 0, false);
    REQUIRE(middle);
    const int channels = spec_number(*middle, "ci");
    std::optional<KernelSpec> first;
    for (const KernelSpec &spec : specs) {
        if (spec_number(spec, "co") == channels && spec_number(spec, "kernel") == 1 &&
            spec_number(spec, "groups") == 1 && !spec_flag(spec, "add_residual")) {
            first = spec;
        }
    }
    const std::optional<KernelSpec> last = like(1, spec_number(*middle, "co"), true);
    REQUIRE((first && last));
    Chain chain(random_frames(spec_number(*first, "ci"), 6, 5, 3, "noise", 4));
    chain.convolve(*first, 1);
    chain.convolve(*middle);
    chain.convolve(*last);
    const Tensor4 result = chain.run(everywhere(VendorRounding::F32));
    CHECK(chain.executor().vendor_steps() == 3);
    CHECK(fake_calls("launch cudnn 3x3").size() == 1);
    CHECK(fake_calls("launch cublaslt").size() >= 1);
    double largest = 0;
    for (double value : chain.expected().data)
        largest = std::max(largest, std::abs(value));
    for (size_t i = 0; i < result.data.size(); i++)
        REQUIRE(std::abs(result.data[i] - chain.expected().data[i]) <= 1e-5 * largest);

    // Where cuDNN does not take the middle one, its border stays, and the first cannot write there.
    fake.reset();
    fake.fail("cudnnGetConvolutionForwardWorkspaceSize", 3000, 0);
    chain.run(everywhere(VendorRounding::F32));
    CHECK(chain.executor().vendor_steps() == 1);
    CHECK(chain.executor().kernel(0).entry->vendor.empty());
    CHECK(chain.executor().kernel(2).entry->vendor == "cuBLASLt f32");
}
