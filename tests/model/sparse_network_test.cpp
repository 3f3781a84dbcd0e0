// Whole networks in sparse training: against central differences, against masked training where every frame is
// selected, against the network that infers, and against clips that are not there.
#include <catch2/catch.hpp>
#include <cmath>

#include "model/network.h"
#include "runtime/halide_host.h"
#include "runtime/text.h"
#include "tests/kernel_targets.h"
#include "tests/model/sparse_run.h"

using namespace afnet;

namespace {

const std::vector<std::string> kModels = {"af_tiny_tsm", "af_tiny", "af_mobilenetv3_tsm"};
// With those that have kernels of their training alone.
const std::vector<std::string> kTrained = {"af_tiny_tsm",        "af_tiny", "af_mobilenetv3_tsm", "small_basic_af_resnet",
                                           "small_basic_af_resnet_tsm"};

} // namespace

TEST_CASE("gradients of sparse training are central differences", "[sparse_network]") {
    for (const std::string &model : kTrained) {
        for (const Choice &masks : {Choice(some), Choice(none)}) {
            INFO(model << (masks(0, 1) ? ", some frames" : ", no frame"));
            SparseRun run;
            run.model = model;
            run.masks = masks;
            check_differences(run);
        }
    }
}

TEST_CASE("gradients of sparse training with one temporal mask are central differences", "[sparse_network]") {
    for (const std::string &model : kModels) {
        INFO(model);
        SparseRun run;
        run.model = model;
        run.shared = true;
        check_differences(run);
        run.masks = all;
        check_equals_masked(run);
    }
}

TEST_CASE("with all frames selected sparse training is masked training", "[sparse_network]") {
    for (const std::string &model : kTrained) {
        INFO(model);
        SparseRun run;
        run.model = model;
        run.masks = all;
        check_equals_masked(run);
    }
}

TEST_CASE("where no frame is selected a branch has no gradient and keeps its statistics", "[sparse_network]") {
    SparseRun run;
    run.masks = all;
    for (const std::string &model : {std::string("af_tiny_tsm"), std::string("af_mobilenetv3_tsm")}) {
        INFO(model);
        run.model = model;
        run.masks = all;
        SparselyTrained trained(run);
        trained.pass(); // leaves gradients behind
        run.masks = none;
        trained.select(run);
        const StepResult result = trained.pass();
        CHECK(result.finite);
        CHECK(result.realised_ratios == std::vector<double>(result.realised_ratios.size(), 0.0));
        size_t zero = 0;
        for (const TrainedParameter &parameter : trained.network.training().parameters) {
            if (is_gate(parameter.info.key)) continue;
            INFO(parameter.info.key);
            CHECK((norm(trained.network.gradient(parameter)) == 0) == in_branch(parameter.info.key));
            zero += in_branch(parameter.info.key);
        }
        CHECK(zero > 0);
        for (const auto &[key, values] : trained.network.state_dict()) {
            if (key.find("running_") == std::string::npos) continue;
            INFO(key);
            int64_t channels = int64_t(values.size());
            CHECK((values == recipe_weights(4)({key, {channels}})) == in_branch(key));
        }
    }
}

TEST_CASE("a branch's statistics are those of the selected frames", "[sparse_network]") {
    // The second of two clips is unselected: branches see what they would see of the first alone.
    for (const std::string &model : kModels) {
        INFO(model);
        SparseRun run;
        run.model = model;
        run.choices.frozen_norm = [](const std::string &norm) { return !in_branch(norm); };
        run.masks = [](size_t, size_t frame) { return frame < 3; };
        SparselyTrained both(run);
        both.pass();
        run.clips = 1;
        run.masks = all;
        run.unselected = Unselected::Masked;
        SparselyTrained one(run);
        one.pass();
        size_t seen = 0;
        const auto alone = one.network.state_dict();
        for (const auto &[key, values] : both.network.state_dict()) {
            if (!in_branch(key) || key.find("running_") == std::string::npos) continue;
            INFO(key);
            seen++;
            CHECK(largest_difference(values, alone.at(key)) <= 1e-6);
            CHECK(values != recipe_weights(4)({key, {int64_t(values.size())}}));
        }
        CHECK(seen > 0);
        const auto a = both.network.numbers(both.network.training().clip_logits);
        const auto b = one.network.numbers(one.network.training().clip_logits);
        for (size_t k = 0; k < b.size(); k++)
            CHECK(a[k] == Approx(b[k]).epsilon(1e-9).margin(1e-12));
    }
}

TEST_CASE("sparse training with running statistics computes what skipping frames infers", "[sparse_network]") {
    for (const std::string &model : kModels) {
        for (const Choice &masks : {Choice(some), Choice(none), Choice(all)}) {
            INFO(model << ", " << masks(0, 0) << masks(0, 1));
            SparseRun run;
            run.model = model;
            run.masks = masks;
            run.choices.frozen_norm = [](const std::string &) { return true; };
            SparselyTrained trained(run);
            trained.pass();
            const auto logits = trained.network.numbers(trained.network.training().clip_logits);
            run.dtype = Dtype::F32;
            KernelStore kernels(AFNET_KERNEL_DIR, target_named("x86-64-avx2"));
            Network network(description_of(run), shape_of(run), kernels, recipe_weights(4));
            set_frames(run, [&](int f, const float *pixels) { network.set_frame(f, pixels); });
            for (size_t b = 0; b < network.lowered().selections.size(); b++)
                network.force_mask(b, mask_of(run, b));
            network.run();
            for (int n = 0; n < run.clips; n++) {
                const std::vector<float> expected = network.clip_logits(n);
                for (size_t k = 0; k < expected.size(); k++) {
                    CHECK(logits[size_t(n) * 5 + k] == Approx(expected[k]).epsilon(1e-4).margin(1e-5));
                }
            }
        }
    }
}

TEST_CASE("a mask's gradient is what its frame's branch is worth", "[sparse_network]") {
    for (const std::string &model : kModels) {
        INFO(model);
        SparseRun run;
        run.model = model;
        run.masks = nullptr;
        SparselyTrained trained(run);
        const TrainingPlan &training = trained.network.training();
        // d_mask of each block, as its own step leaves it.
        std::map<TensorId, std::vector<double>> gradients;
        trained.pass([&](const StepReport &report) {
            if (report.step->kernel.generator != "selection_grad") return;
            const TensorId id = report.step->arguments.back().tensor;
            const double *data = static_cast<const double *>(trained.network.executor().memory(id).data);
            gradients[TensorId(gradients.size())] = std::vector<double>(data, data + 6);
        });
        REQUIRE(gradients.size() == training.selections.size());
        // The branch ends in gamma xhat + beta: its product with its gradient, summed over frames, is
        // gamma d_gamma + beta d_beta.
        size_t unselected = 0, selected = 0;
        for (size_t b = 0; b < training.selections.size(); b++) {
            const std::string norm_key = training.selections[b].name + ".bn3";
            const std::vector<double> mask = trained.network.numbers(training.selections[b].mask);
            const std::vector<double> &gradient = gradients.at(TensorId(training.selections.size() - 1 - b));
            double sum = 0, expected = 0;
            for (size_t f = 0; f < mask.size(); f++) {
                sum += mask[f] * gradient[f];
                if (mask[f] == 0) CHECK(gradient[f] == 0);
                (mask[f] == 0 ? unselected : selected)++;
            }
            for (const char *part : {".weight", ".bias"}) {
                const TrainedParameter &parameter = trained.parameter(norm_key + part);
                const std::vector<double> d = trained.network.gradient(parameter);
                const std::vector<float> values = recipe_weights(4)(parameter.info);
                for (size_t i = 0; i < d.size(); i++)
                    expected += d[i] * values[i];
            }
            INFO(training.selections[b].name);
            CHECK(sum == Approx(expected).epsilon(1e-9).margin(1e-13));
        }
        CHECK(unselected > 0);
        CHECK(selected > 0);
    }
}

// As its own mask is a block's: what was found for each of them, over all.
TEST_CASE("a shared mask's gradient is what its frame's branches are worth", "[sparse_network]") {
    for (const std::string &model : kModels) {
        INFO(model);
        SparseRun run;
        run.model = model;
        run.shared = true;
        run.masks = nullptr;
        SparselyTrained trained(run);
        const TrainingPlan &training = trained.network.training();
        REQUIRE(training.selections.size() == 1);
        std::vector<double> gradient;
        size_t branches = 0;
        trained.pass([&](const StepReport &report) {
            branches += report.step->kernel.generator == "selection_grad";
            if (report.step->kernel.generator == "ratio_loss")
                gradient = trained.network.numbers(report.step->arguments.back().tensor);
        });
        const std::vector<double> mask = trained.network.numbers(training.selections[0].mask);
        REQUIRE(branches > 1);
        REQUIRE(std::count(mask.begin(), mask.end(), 1) > 0);
        double sum = 0, expected = 0;
        for (size_t f = 0; f < mask.size(); f++) {
            if (mask[f] == 0) CHECK(gradient[f] == 0);
            sum += gradient[f];
        }
        size_t blocks = 0;
        for (const TrainedParameter &parameter : training.parameters) {
            const std::string &key = parameter.info.key;
            if (!in_branch(key) || key.find(".bn3.") == std::string::npos) continue;
            blocks += ends_with(key, ".weight");
            const std::vector<double> d = trained.network.gradient(parameter);
            const std::vector<float> values = recipe_weights(4)(parameter.info);
            for (size_t i = 0; i < d.size(); i++)
                expected += d[i] * values[i];
        }
        CHECK(blocks == branches);
        CHECK(sum == Approx(expected).epsilon(1e-9).margin(1e-13));
    }
}

TEST_CASE("a sparse step has the same bits with any number of threads", "[sparse_network]") {
    SparseRun run;
    run.dtype = Dtype::F32;
    run.masks = nullptr;
    std::vector<std::map<std::string, std::vector<float>>> states;
    for (int threads : {1, 2, 3}) {
        configure_halide(threads);
        SparselyTrained trained(run);
        trained.network.load(recipe_weights(4));
        for (int step = 0; step < 3; step++)
            trained.network.step({});
        states.push_back(trained.network.state_dict());
    }
    configure_halide(0);
    CHECK(states[1] == states[0]);
    CHECK(states[2] == states[0]);
}
