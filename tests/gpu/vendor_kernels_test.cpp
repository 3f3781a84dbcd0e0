// Who has layers run by cuDNN and cuBLASLt, and what a network asks of these libraries, by stand-ins for them.
#include <catch2/catch.hpp>
#include <filesystem>

#include "model/recipe.h"
#include "runtime/error.h"
#include "runtime/executor.h"
#include "runtime/file_io.h"
#include "runtime/vendor_choice.h"
#include "tests/fake_cuda/fake_vendors.h"
#include "tests/model/network_run.h"
#include "tests/temporary_folder.h"

using namespace afnet;
using namespace afnet_test;
using Catch::Contains;

namespace {

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

size_t launches_of(const std::string &library) {
    return fake_calls("launch " + library).size();
}

std::unique_ptr<Network> open_with(const VendorPolicy &policy, std::unique_ptr<KernelStore> &store) {
    const NetworkRun run = small_run(true, Masks::Navigation);
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
    const NetworkRun run = small_run(true, Masks::Navigation);
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
