// Whole networks against the reference in double, down to the means of their modules, and against themselves where
// nothing may change a bit. [small_network] needs the test kernels only, [network] those of shipped models.
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "model/clip_macs.h"
#include "model/isolated_step.h"
#include "model/recipe.h"
#include "runtime/error.h"
#include "runtime/halide_host.h"
#include "tests/kernel_targets.h"
#include "tests/model/network_run.h"

using namespace afnet;

namespace {

constexpr double kTolerance = 2e-5;   // of a tensor's largest magnitude: tests/golden/README.md
constexpr double kBF16Tolerance = 6e-2; // of the same: docs/bf16.md. What the kernels' own tests show is far closer
constexpr double kUndecided = 1e-4;   // a gate that is closer says nothing about either program

NetworkRun network_run(const ModelDescription &description, int frames, int clips, int width, int height) {
    NetworkRun run;
    run.description = description;
    run.description.classes = 5;
    run.shape.frames = frames;
    run.shape.clips = clips;
    run.shape.width = width;
    run.shape.height = height;
    return run;
}

double relative_difference(const reference::NamedTensor &actual, const reference::NamedTensor &expected) {
    if (actual.shape != expected.shape) return INFINITY;
    double difference = 0, magnitude = 0;
    for (size_t i = 0; i < expected.data.size(); i++) {
        if (!std::isfinite(actual.data[i])) return INFINITY;
        difference = std::max(difference, std::abs(actual.data[i] - expected.data[i]));
        magnitude = std::max(magnitude, std::abs(expected.data[i]));
    }
    return magnitude == 0 ? difference : difference / magnitude;
}

void check(const NetworkRun &run) {
    const reference::Outputs expected = expected_outputs(run);
    if (run.masks == Masks::Navigation && run.blocks() > 0) {
        INFO("a gate of " << run.text() << " is too close to call: choose another seed");
        const auto &margins = expected.at("gate_margin").data;
        REQUIRE(std::all_of(margins.begin(), margins.end(), [](double m) { return std::abs(m) > kUndecided; }));
    }
    const double tolerance = run.shape.dtype == Dtype::BF16 ? kBF16Tolerance : kTolerance;
    for (const Target &target : targets_for(run)) {
        for (const bool taps : {true, false}) {
            NetworkRun tapped = run;
            tapped.shape.taps = taps;
            const auto network = open_network(tapped, target);
            const reference::Outputs actual = outputs_of(*network);
            for (const auto &[name, tensor] : expected) {
                INFO(run.text() << " on " << target.name << (taps ? ", tapped: " : ": ") << name);
                if (actual.count(name) == 0 && !taps && name.find("logits") == std::string::npos) continue;
                REQUIRE(actual.count(name) == 1);
                const bool decided = name == "masks" && !run.description.soft();
                CHECK(relative_difference(actual.at(name), tensor) <= (decided ? 0 : tolerance));
            }
        }
    }
}

// The network without masks is the one with all frames selected; it has no gates to tell of.
void check_without_masks(NetworkRun run) {
    run.masks = Masks::All;
    run.shape.taps = true;
    reference::Outputs expected = expected_outputs(run);
    expected.erase("masks");
    expected.erase("gate_margin");
    for (const Target &target : runnable_targets()) {
        const auto masked = open_network(run, target);
        NetworkRun plain = run;
        plain.shape.without_masks = true;
        const auto dense = open_network(plain, target);
        CHECK(dense->lowered().selections.empty());
        const reference::Outputs of_masked = outputs_of(*masked), of_dense = outputs_of(*dense);
        for (const auto &[name, tensor] : expected) {
            INFO(run.text() << " on " << target.name << ", without masks: " << name);
            REQUIRE(of_dense.count(name) == 1);
            CHECK(relative_difference(of_dense.at(name), tensor) <= kTolerance);
            CHECK(relative_difference(of_dense.at(name), of_masked.at(name)) <= kTolerance);
        }
    }
}

NetworkRun in(Dtype dtype, NetworkRun run) {
    run.shape.dtype = dtype;
    return run;
}

NetworkRun with(NetworkRun run, Masks masks, Unselected unselected = Unselected::Masked) {
    run.masks = masks;
    run.shape.unselected = unselected;
    return run;
}

// Masks are forced: a gate may fall the other way than the reference's.
void check_bf16(const NetworkRun &run) {
    for (const Unselected unselected : {Unselected::Masked, Unselected::Skipped}) {
        for (const Masks masks : {Masks::None, Masks::All, Masks::Random}) {
            check(in(Dtype::BF16, with(run, masks, unselected)));
        }
    }
}

void check_all_masks(const NetworkRun &run) {
    for (const Unselected unselected : {Unselected::Masked, Unselected::Skipped}) {
        for (const Masks masks : {Masks::Navigation, Masks::Noisy, Masks::None, Masks::All, Masks::Random}) {
            check(with(run, masks, unselected));
        }
    }
}

void check_equal(const reference::Outputs &actual, const reference::Outputs &expected) {
    for (const auto &[name, tensor] : actual) {
        INFO(name);
        CHECK(tensor.data == expected.at(name).data);
    }
}

// Tiles are shared out between threads, never divided.
void check_threads(const ModelDescription &description, Dtype dtype) {
    const NetworkRun run = in(dtype, with(network_run(description, 4, 2, 64, 48), Masks::Random));
    for (const Target &target : targets_for(run)) {
        INFO(run.text() << " on " << target.name);
        configure_halide(1);
        const auto alone = open_network(run, target);
        const reference::Outputs expected = outputs_of(*alone);
        configure_halide(2);
        const auto shared = open_network(run, target);
        check_equal(outputs_of(*shared), expected);
    }
}

// Threads pack constants side by side; each is what its recipe makes alone.
void check_packing(const ModelDescription &description) {
    const NetworkRun run = network_run(description, 2, 1, 32, 32);
    const Weights weights = recipe_weights(run.seed);
    for (const int threads : {1, 4}) {
        configure_halide(threads);
        KernelStore &kernels = test_kernel_store(runnable_targets().back());
        Network network(run.description, run.shape, kernels, weights);
        for (const ConstantRecipe &recipe : network.lowered().constants) {
            const PackedConstant alone = recipe.make(weights, *network.executor().kernel(recipe.step).entry);
            const TensorInfo &tensor = network.executor().plan().tensors[size_t(recipe.tensor)];
            INFO(tensor.name << ", " << threads << " threads");
            CHECK(tensor.extents == alone.extents);
            const float *packed = static_cast<const float *>(network.executor().memory(recipe.tensor).data);
            CHECK(std::equal(alone.elements.begin(), alone.elements.end(), packed));
        }
    }
    configure_halide(0);
}

void check_runs_apart(const ModelDescription &description, Dtype dtype) {
    const NetworkRun run = in(dtype, with(network_run(description, 3, 2, 48, 40), Masks::Random));
    const auto network = open_network(run, targets_for(run).back());
    const reference::Outputs first = outputs_of(*network);
    for (size_t k = 0; k < run.blocks(); k++) network->force_mask(k, std::vector<int>(6, 1));
    CHECK(outputs_of(*network).at("logits").data != first.at("logits").data);
    const auto masks = run.forced();
    for (size_t k = 0; k < run.blocks(); k++) network->force_mask(k, masks[k]);
    check_equal(outputs_of(*network), first);
}

void check_clips_apart(const ModelDescription &description, Dtype dtype) {
    NetworkRun both = in(dtype, network_run(description, 3, 2, 48, 40)), first = both;
    first.shape.clips = 1;
    const auto batch = open_network(both, targets_for(both).back());
    const auto alone = open_network(first, targets_for(both).back());
    batch->run();
    alone->run();
    CHECK(batch->clip_logits(0) == alone->clip_logits(0));
    CHECK(batch->probabilities(0) == alone->probabilities(0));
}

}  // namespace

TEST_CASE("a small AF-ResNet equals the reference under every mask, masked and skipped", "[small_network]") {
    for (const bool shift : {false, true}) check_all_masks(network_run(small_af_resnet(shift), 3, 2, 48, 40));
}

TEST_CASE("a small AF-ResNet equals the reference on clips of other shapes", "[small_network]") {
    const ModelDescription plain = small_af_resnet(false), shifted = small_af_resnet(true);
    check(network_run(shifted, 1, 1, 32, 32));
    check(network_run(shifted, 16, 1, 32, 32));
    check(network_run(shifted, 1, 3, 32, 32));
    check(network_run(plain, 2, 1, 160, 96));
    check(with(network_run(shifted, 3, 1, 160, 96), Masks::Random));
    check(with(network_run(shifted, 2, 2, 100, 100), Masks::Noisy, Unselected::Skipped));
    check(with(network_run(plain, 5, 1, 33, 47), Masks::Random));
}

TEST_CASE("a small AF-ResNet without masks equals the one with all frames selected", "[small_network]") {
    for (const bool shift : {false, true}) {
        check_without_masks(network_run(small_af_resnet(shift), 3, 2, 48, 40));
        check_without_masks(network_run(small_af_resnet(shift), 1, 1, 33, 47));
    }
}

TEST_CASE("threads pack what one thread packs", "[small_network]") {
    check_packing(small_af_resnet(true));
}

TEST_CASE("of missing parameters the same one is said, whatever the number of threads", "[small_network]") {
    const NetworkRun run = network_run(small_af_resnet(true), 2, 1, 32, 32);
    const Weights drawn = recipe_weights(1);
    const Weights incomplete = [&](const ParameterInfo &p) {
        if (p.key.rfind("layer3.", 0) == 0) throw Error("no " + p.key);
        return drawn(p);
    };
    KernelStore &kernels = test_kernel_store(runnable_targets().back());
    const auto refusal = [&](int threads) -> std::string {
        configure_halide(threads);
        try {
            Network(run.description, run.shape, kernels, incomplete);
        } catch (const Error &error) {
            return error.what();
        }
        return "";
    };
    const std::string alone = refusal(1);
    CHECK_THAT(alone, Catch::StartsWith("no layer3."));
    for (int round = 0; round < 5; round++)
        CHECK(refusal(4) == alone);
    configure_halide(0);
}

TEST_CASE("a small network gives the same bits whatever runs before, beside and with it", "[small_network]") {
    for (const Dtype dtype : runnable_dtypes()) {
        check_threads(small_af_resnet(true), dtype);
        check_runs_apart(small_af_resnet(true), dtype);
        check_clips_apart(small_af_resnet(true), dtype);
    }
}

TEST_CASE("a small AF-ResNet in bf16 is near the reference under forced masks, masked and skipped", "[small_network]") {
    for (const bool shift : {false, true})
        check_bf16(network_run(small_af_resnet(shift), 3, 2, 48, 40));
    check(in(Dtype::BF16, with(network_run(small_af_resnet(false), 5, 1, 33, 47), Masks::Random)));
}

TEST_CASE("each step of a small network runs by itself, in every dtype", "[small_network]") {
    for (const Dtype dtype : runnable_dtypes()) {
        for (const Target &target : executable_targets(dtype)) {
            const NetworkRun run = in(dtype, network_run(small_af_resnet(true), 3, 1, 48, 40));
            const LoweredNetwork network = lower(run.description, run.shape);
            for (size_t i = 0; i < network.plan.steps.size(); i++) {
                INFO(network.plan.steps[i].label << " on " << target.name << ", " << dtype_name(dtype));
                IsolatedStep step(network, i, test_kernel_store(target), run.description.name, recipe_weights(1));
                CHECK_NOTHROW(step.run());
                CHECK(step.compulsory_bytes() > 0);
            }
        }
    }
}

TEST_CASE("AF-MobileNetV3 in bf16 is near the reference under forced masks, masked and skipped", "[network]") {
    check_bf16(network_run(shipped_model("af_mobilenetv3_tsm"), 3, 2, 48, 40));
}

TEST_CASE("the shipped ResNets in bf16 are near the reference", "[network]") {
    for (const char *name : {"resnet50", "resnet50_tsm"})
        check(in(Dtype::BF16, network_run(shipped_model(name), 2, 1, 32, 32)));
    for (const char *name : {"af_resnet50", "af_resnet50_tsm"})
        check(in(Dtype::BF16, with(network_run(shipped_model(name), 2, 1, 32, 32), Masks::Random)));
}

TEST_CASE("AF-MobileNetV3 equals the reference under every mask, masked and skipped", "[network]") {
    check_all_masks(network_run(shipped_model("af_mobilenetv3_tsm"), 3, 2, 48, 40));
}

TEST_CASE("AF-MobileNetV3 equals the reference on clips of other shapes", "[network]") {
    const ModelDescription description = shipped_model("af_mobilenetv3_tsm");
    check(network_run(description, 1, 1, 32, 32));
    check(network_run(description, 16, 1, 32, 32));
    check(with(network_run(description, 2, 1, 160, 96), Masks::Random));
    check(with(network_run(description, 2, 1, 100, 100), Masks::Random, Unselected::Skipped));
}

TEST_CASE("networks without masks equal those with all frames selected", "[network]") {
    for (const char *name : {"af_mobilenetv3_tsm", "af_resnet50", "af_resnet50_tsm"}) {
        check_without_masks(network_run(shipped_model(name), 2, 1, 48, 40));
    }
}

TEST_CASE("AF-MobileNetV3 gives the same bits whatever runs before, beside and with it", "[network]") {
    for (const Dtype dtype : runnable_dtypes()) {
        check_threads(shipped_model("af_mobilenetv3_tsm"), dtype);
        check_runs_apart(shipped_model("af_mobilenetv3_tsm"), dtype);
        check_clips_apart(shipped_model("af_mobilenetv3_tsm"), dtype);
    }
}

TEST_CASE("ablations equal the reference", "[network]") {
    for (const char *name : {"af_tiny", "af_tiny_tsm"}) {
        ModelDescription soft = shipped_model(name), sum = soft, focal = soft, soft_sum;
        set_choice(soft, "selection", "soft");
        set_choice(sum, "fusion", "addition");
        set_choice(focal, "branches", "focal");
        soft_sum = soft;
        set_choice(soft_sum, "fusion", "addition");
        for (const ModelDescription &description : {shipped_model(name), soft, sum, focal, soft_sum}) {
            INFO(ablation_text(description));
            check(network_run(description, 3, 2, 48, 40));
            check(with(network_run(description, 2, 1, 33, 47), Masks::Random, Unselected::Masked));
            if (description.soft()) continue;
            check(with(network_run(description, 3, 1, 32, 32), Masks::Noisy, Unselected::Skipped));
            check(with(network_run(description, 3, 1, 32, 32), Masks::None, Unselected::Skipped));
        }
    }
    ModelDescription mobile = shipped_model("af_mobilenetv3_tsm");
    set_choice(mobile, "branches", "focal");
    check(network_run(mobile, 2, 1, 48, 40));
}

TEST_CASE("networks whose blocks share one temporal mask equal the reference", "[network]") {
    for (const char *name : {"af_tiny", "af_tiny_tsm", "af_resnet34_tsm", "af_mobilenetv3_tsm"}) {
        ModelDescription shared = shipped_model(name);
        set_choice(shared, "temporal_masks", "shared");
        check_all_masks(network_run(shared, 3, 2, 48, 40));
        check(in(Dtype::BF16, with(network_run(shared, 2, 1, 32, 32), Masks::Random)));
        ModelDescription soft = shared, focal = shared;
        set_choice(soft, "selection", "soft");
        set_choice(focal, "branches", "focal");
        if (shared.family != Family::AfResNet || shared.block == Block::Basic) continue;
        check(network_run(soft, 3, 1, 32, 32));
        check(with(network_run(focal, 2, 1, 33, 47), Masks::Random, Unselected::Skipped));
    }
}

TEST_CASE("a shared temporal mask has one navigation and one work list", "[small_network]") {
    ModelDescription shared = small_af_resnet(true);
    for (const MaskKind masks : {MaskKind::Temporal, MaskKind::Both}) {
        shared.masks = masks;
        shared.temporal_masks = TemporalMasks::PerBlock;
        const size_t blocks = lower(shared, RunShape()).blocks.size();
        shared.temporal_masks = TemporalMasks::Shared;
        const LoweredNetwork network = lower(shared, RunShape());
        REQUIRE(blocks > 1);
        CHECK(network.blocks.size() == blocks);
        CHECK(network.selections.size() == 1);
        for (const MaskedBlock &block : network.blocks)
            CHECK(block.selection == 0);
        const auto steps = [&](const char *generator) {
            return std::count_if(network.plan.steps.begin(), network.plan.steps.end(),
                                 [&](const Step &step) { return step.kernel.generator == generator; });
        };
        CHECK(steps("navigation") == 1);
        // The other list is of a projection or of TSM on all frames.
        CHECK(steps("work_list") <= 2);
        std::set<std::string> navigations;
        for (const ParameterInfo &parameter : network.parameters) {
            const size_t at = parameter.key.find(".list_gen.");
            if (at != std::string::npos) navigations.insert(parameter.key.substr(0, at + 11));
        }
        CHECK(navigations == std::set<std::string>{"layer1.list_gen.0"});
    }
}

TEST_CASE("a forced shared mask is one mask, and costs in every block", "[small_network]") {
    NetworkRun run = network_run(small_af_resnet(true), 3, 2, 48, 40);
    run.masks = Masks::All;
    const Target target = targets_for(run).back();
    const auto apart = open_network(run, target);
    run.description.temporal_masks = TemporalMasks::Shared;
    const auto shared = open_network(run, target);
    const std::vector<int> mask = {0, 1, 1, 1, 0, 0};
    shared->force_mask(0, mask);
    for (size_t block = 0; block < run.blocks(); block++)
        apart->force_mask(block, mask);
    shared->run();
    apart->run();
    CHECK(shared->masks() == std::vector<std::vector<int>>(run.blocks(), mask));
    CHECK(shared->selection_masks() == std::vector<std::vector<int>>{mask});
    for (int clip = 0; clip < 2; clip++)
        CHECK(shared->clip_logits(clip) == apart->clip_logits(clip));
    double navigations = 0; // of all blocks but the first
    for (const Step &step : apart->lowered().plan.steps) {
        if (step.kernel.generator == "navigation") navigations += step.macs * step.frames;
    }
    for (const Step &step : shared->lowered().plan.steps) {
        if (step.kernel.generator == "navigation") navigations -= step.macs * step.frames;
    }
    CHECK(navigations > 0);
    CHECK(shared->macs() == Approx(apart->macs() - navigations).epsilon(1e-12));
    const std::vector<double> macs = clip_macs(*shared), macs_apart = clip_macs(*apart);
    CHECK(macs[0] + macs[1] == Approx(shared->macs()).epsilon(1e-12));
    CHECK(macs[0] - macs[1] == Approx(macs_apart[0] - macs_apart[1]).epsilon(1e-9));
}

TEST_CASE("soft weights compute every frame, and say so", "[network]") {
    ModelDescription description = shipped_model("af_tiny_tsm");
    set_choice(description, "selection", "soft");
    const NetworkRun run = network_run(description, 3, 2, 32, 32);
    const Target target = runnable_targets().back();
    const auto network = open_network(run, target), hard = open_network(with(run, Masks::All), target);
    network->run();
    hard->run();
    for (const std::vector<int> &mask : network->masks()) CHECK(mask == std::vector<int>(6, 1));
    CHECK(network->macs() == hard->macs());
    for (const std::vector<double> &keep : network->keep_probabilities()) {
        for (double p : keep) CHECK((p > 0 && p < 1));
    }
}

TEST_CASE("AF-ResNet-34 equals the reference under every mask, masked and skipped", "[network]") {
    for (const char *name : {"af_resnet34", "af_resnet34_tsm"}) {
        check_all_masks(network_run(shipped_model(name), 3, 2, 40, 32));
        check_without_masks(network_run(shipped_model(name), 2, 1, 33, 47));
        check(with(network_run(shipped_model(name), 1, 1, 70, 33), Masks::Random));
        check(in(Dtype::BF16, with(network_run(shipped_model(name), 2, 1, 32, 32), Masks::Random)));
    }
    check_clips_apart(shipped_model("af_resnet34_tsm"), Dtype::F32);
    ModelDescription focal = shipped_model("af_resnet34_tsm"), sum = focal;
    set_choice(focal, "branches", "focal");
    set_choice(sum, "fusion", "addition");
    for (const ModelDescription &description : {focal, sum})
        check(with(network_run(description, 2, 1, 32, 32), Masks::Random, Unselected::Skipped));
}

TEST_CASE("ResNet-34 equals the reference", "[network]") {
    for (const char *name : {"resnet34", "resnet34_tsm"})
        check(network_run(shipped_model(name), 2, 1, 33, 47));
}

TEST_CASE("the shipped ResNets equal the reference", "[network]") {
    for (const char *name : {"resnet50", "resnet50_tsm", "af_resnet50", "af_resnet50_tsm"}) {
        check(network_run(shipped_model(name), 2, 1, 32, 32));
    }
    const ModelDescription plain = shipped_model("af_resnet50"), shifted = shipped_model("af_resnet50_tsm");
    check(with(network_run(shifted, 2, 1, 32, 32), Masks::Random, Unselected::Skipped));
    check(with(network_run(shifted, 16, 1, 32, 32), Masks::Random));
    check(with(network_run(shifted, 1, 1, 100, 100), Masks::Random));
    check(with(network_run(plain, 1, 1, 160, 96), Masks::None));
}
