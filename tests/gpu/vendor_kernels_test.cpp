// Kernels of cuDNN and cuBLASLt in the place of a kernel library's: by stand-ins for these libraries that compute, on a
// CUDA driver that does not. What the executor hands them is compared with the definition.
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <optional>

#include "model/packing.h"
#include "model/recipe.h"
#include "runtime/error.h"
#include "runtime/executor.h"
#include "runtime/file_io.h"
#include "runtime/vendor_choice.h"
#include "tests/fake_cuda/fake_vendors.h"
#include "tests/generators/layer.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"
#include "tests/model/network_run.h"
#include "tests/temporary_folder.h"

using namespace afnet;
using namespace afnet_test;
using Catch::Contains;

namespace {

const Target &cuda() {
    return target_named("cuda-80");
}

VendorPolicy everywhere(VendorRounding rounding) {
    return {VendorPolicy::Use::Everywhere, rounding};
}

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

KernelSpec convolution(int ci, int co, int kernel, bool adds, const char *activation) {
    return KernelSpec("conv2d")
        .set("ci", ci)
        .set("co", co)
        .set("kernel", kernel)
        .set("stride", 1)
        .set("groups", 1)
        .set("activation", activation)
        .set("add_residual", adds)
        .set("gather", false)
        .set("shift", false)
        .set("scatter", false);
}

Tensor4 noise(int c, int x, int y, int f, uint64_t seed) {
    Tensor4 result(c, x, y, f);
    for (size_t i = 0; i < result.data.size(); i++)
        result.data[i] = float(2 * recipe_uniform(fnv1a64("noise"), seed, i) - 1);
    return result;
}

Tensor4 absolute(Tensor4 tensor) {
    for (double &value : tensor.data)
        value = std::abs(value);
    return tensor;
}

// Convolutions one behind the other; those that add a residual do so in place.
class Chain {
public:
    Chain(Tensor4 input) : value_(std::move(input)) { tensor_ = add("input", value_, Storage::Input, 0); }

    void convolve(const KernelSpec &spec, int border = 0) {
        const Layer layer = layer_of(spec);
        const bool adds = spec_flag(spec, "add_residual");
        const Tensor4 magnitude = layer.magnitude(value_);
        Tensor4 result = layer.output(value_);
        TensorId out = kNoTensor;
        if (adds) {
            const Tensor4 residual = noise(result.c, result.x, result.y, result.f, 5);
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
        value_ = std::move(result);
        magnitude_ = absolute(magnitude);
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

size_t launches_of(const std::string &library) {
    return fake_calls("launch " + library).size();
}

NetworkRun small_run() {
    NetworkRun run;
    run.description = small_af_resnet(true);
    run.shape.frames = 4;
    run.shape.clips = 2;
    run.shape.width = 40;
    run.shape.height = 33;
    return run;
}

std::unique_ptr<Network> open_with(const VendorPolicy &policy, std::unique_ptr<KernelStore> &store) {
    const NetworkRun run = small_run();
    store = std::make_unique<KernelStore>(AFNET_TEST_KERNELS, cuda(), policy);
    return std::make_unique<Network>(run.description, run.shape, *store, recipe_weights(run.seed));
}

} // namespace

TEST_CASE("vendors have kernels for plain convolutions alone", "[vendor_kernels]") {
    const KernelSpec plain = convolution(64, 32, 1, false, "relu");
    CHECK(vendors_for(plain) == std::vector<Vendor>{Vendor::CublasLt, Vendor::Cudnn});
    CHECK(vendors_for(KernelSpec(plain).set("stride", 2)) == std::vector<Vendor>{Vendor::Cudnn});
    CHECK(vendors_for(convolution(64, 64, 3, true, "linear")) == std::vector<Vendor>{Vendor::Cudnn});
    for (const char *flag : {"gather", "scatter"})
        CHECK(vendors_for(KernelSpec(plain).set(flag, true)).empty());
    CHECK(vendors_for(KernelSpec(plain).set("response", 3)).empty());
    CHECK(vendors_for(KernelSpec(plain).set("activation", "hswish")).empty());
    CHECK(vendors_for(KernelSpec(plain).set("dtype", "bf16")).empty());
    CHECK(vendors_for(KernelSpec("stem").set("channels", 64)).empty());
}

TEST_CASE("a policy is called by what it allows", "[vendor_kernels]") {
    for (const std::string &name : vendor_policy_names())
        CHECK(vendor_policy_name(vendor_policy_named(name)) == name);
    CHECK_THROWS_WITH(vendor_policy_named("tf23"), Contains("'tf23'") && Contains("tf32"));
}

TEST_CASE("a record chooses a vendor's kernel, or is refused", "[vendor_kernels]") {
    KernelEntry entry{convolution(64, 32, 1, false, "relu"), "some_kernel", {{"co_block", 32}}};
    CHECK_FALSE(vendor_choice({}, entry));
    entry.knobs[kVendorKnob] = int(Vendor::CublasLt);
    entry.knobs[kVendorRoundingKnob] = int(VendorRounding::Tf32);
    REQUIRE(vendor_choice({}, entry));
    CHECK(vendor_choice({}, entry)->vendor == Vendor::CublasLt);
    CHECK(vendor_choice({}, entry)->rounding == VendorRounding::Tf32);
    CHECK_FALSE(vendor_choice({VendorPolicy::Use::Never, VendorRounding::F32}, entry));
    CHECK(vendor_choice(everywhere(VendorRounding::F16), entry)->rounding == VendorRounding::F16);
    entry.spec.set("kernel", 3);
    CHECK_THROWS_WITH(vendor_choice({}, entry), Contains("some_kernel") && Contains("vendor 3"));
    entry.knobs[kVendorKnob] = int(Vendor::Cudnn);
    entry.knobs[kVendorRoundingKnob] = 5;
    CHECK_THROWS_WITH(vendor_choice({}, entry), Contains("rounding 5"));

    // Generators get what is left of a record's knobs.
    std::map<std::string, int> knobs = {{"co_block", 64}, {kVendorKnob, int(Vendor::Cudnn)}};
    CHECK(take_vendor_knobs(knobs, entry.spec, cuda()) == std::map<std::string, int>{{kVendorKnob, 2}});
    CHECK(knobs == std::map<std::string, int>{{"co_block", 64}});
    CHECK(take_vendor_knobs(knobs, entry.spec, target_named("opencl")).empty());
    knobs = {{kVendorKnob, int(Vendor::Cudnn)}};
    CHECK_THROWS_WITH(take_vendor_knobs(knobs, entry.spec, target_named("opencl")),
                      Contains("conv2d_k3") && Contains("none but for CUDA"));
    knobs = {{kVendorKnob, int(Vendor::CublasLt)}};
    CHECK_THROWS_WITH(take_vendor_knobs(knobs, entry.spec, cuda()), Contains("vendor 3"));
}

TEST_CASE("a vendor's kernel computes each layer's definition, with no more rounding than allowed",
          "[vendor_kernels]") {
    fresh_fake_vendors();
    const std::vector<KernelSpec> specs = served_specs();
    REQUIRE(specs.size() >= 10);
    for (const KernelSpec &spec : specs) {
        for (const auto &[width, height, frames] : {std::tuple{1, 1, 1}, {5, 3, 2}, {4, 7, 3}}) {
            INFO(spec.name() << " " << width << "x" << height << "x" << frames);
            Chain chain(noise(spec_number(spec, "ci"), width, height, frames, 3));
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
    Chain chain(noise(spec_number(*first, "ci"), 6, 5, 3, 4));
    chain.convolve(*first, 1);
    chain.convolve(*middle);
    chain.convolve(*last);
    const Tensor4 result = chain.run(everywhere(VendorRounding::F32));
    CHECK(chain.executor().vendor_steps() == 3);
    CHECK(launches_of("cudnn 3x3") == 1);
    CHECK(launches_of("cublaslt") >= 1);
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

TEST_CASE("a network's vendor kernels are launches of its graph like others", "[vendor_kernels]") {
    const FakeCuda &fake = fresh_fake_vendors();
    std::unique_ptr<KernelStore> store;
    const auto network = open_with(everywhere(VendorRounding::Tf32), store);
    const size_t vendor_steps = network->executor().vendor_steps();
    CHECK(vendor_steps >= 10);
    network->run(); // records the graph
    CHECK(fake_calls("record cudnn").size() + fake_calls("record cublaslt").size() == vendor_steps);
    fake.reset();
    network->fill_recipe_video(3);
    network->run();
    CHECK(fake_calls("graph").size() == 1);
    CHECK(launches_of("cudnn") + launches_of("cublaslt") == vendor_steps);
    CHECK(fake_calls("to_device").size() == 1);
    CHECK(fake_calls("to_host").size() == 1);
    CHECK(fake_calls("synchronize").size() == 1);
    CHECK(fake_calls("allocate").empty());
    // Lists stay with the kernel library's: whatever is selected, nothing else is launched.
    size_t listed = 0;
    for (size_t i = 0; i < network->lowered().plan.steps.size(); i++) {
        const bool chosen = !network->executor().kernel(i).entry->vendor.empty();
        listed += network->lowered().plan.steps[i].count != kNoTensor;
        CHECK_FALSE((chosen && network->lowered().plan.steps[i].count != kNoTensor));
    }
    CHECK(listed > 0);
}

TEST_CASE("without a vendor's library records are left aside, and a wish is an error", "[vendor_kernels]") {
    const FakeCuda &fake = fresh_fake_vendors();
    std::unique_ptr<KernelStore> store;
    fake.fail("cudnnCreate", 1001, 0);
    CHECK_THROWS_WITH(open_with(everywhere(VendorRounding::F32), store),
                      Contains("cuDNN") && Contains("cudnnCreate") && Contains("--vendor-kernels never"));
    fake.reset();
    // A library with a record: the manifest's knobs are the record's.
    const TemporaryFolder folder;
    for (const char *model : {"small_af_resnet_tsm", "small_af_resnet"}) {
        const std::string name = std::string(model) + ".cuda-80";
        const std::string from = std::string(AFNET_TEST_KERNELS) + "/" + name;
        Manifest manifest = read_manifest(from + ".json");
        for (KernelEntry &entry : manifest.kernels) {
            if (vendors_for(entry.spec) == std::vector<Vendor>{Vendor::Cudnn}) {
                entry.knobs[kVendorKnob] = int(Vendor::Cudnn);
                entry.knobs[kVendorRoundingKnob] = int(VendorRounding::F16);
            }
        }
        write_file(folder.path() + "/" + name + ".json", manifest_text(manifest));
        std::filesystem::copy(from + ".so", folder.path() + "/" + name + ".so");
    }
    const NetworkRun run = small_run();
    const auto vendor_steps = [&](VendorPolicy::Use use) {
        KernelStore recorded(folder.path(), cuda(), {use, VendorRounding::F32});
        Network network(run.description, run.shape, recorded, recipe_weights(run.seed));
        network.run();
        return network.executor().vendor_steps();
    };
    CHECK(vendor_steps(VendorPolicy::Use::Recorded) >= 3);
    CHECK(fake_calls("launch cublaslt").empty());
    CHECK(vendor_steps(VendorPolicy::Use::Never) == 0);
    fake.fail("cudnnCreate", 1001, 0);
    CHECK(vendor_steps(VendorPolicy::Use::Recorded) == 0);
}

TEST_CASE("each fault of a vendor's library is one error with the layer's name", "[vendor_kernels]") {
    const FakeCuda &fake = fresh_fake_vendors();
    std::unique_ptr<KernelStore> store;
    for (const char *function : {"cudnnConvolutionBiasActivationForward", "cublasLtMatmul"}) {
        fake.reset();
        const auto network = open_with(everywhere(VendorRounding::F32), store);
        fake.fail(function, 5000, 2);
        CHECK_THROWS_WITH(network->run(), Contains("step ") && Contains("(conv2d_") &&
                                              Contains("failed on Fake GPU") && Contains("FAKE_FAILURE"));
        fake.reset();
        CHECK_NOTHROW(network->run());
    }
    fake.fail("cudnnGetConvolutionForwardWorkspaceSize", 5000, 0); // not a refusal
    CHECK_THROWS_WITH(open_with(everywhere(VendorRounding::F32), store), Contains("cuDNN") && Contains("FAKE_FAILURE"));
}
