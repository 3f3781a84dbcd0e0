// Whole networks under training, in double: gradients against central differences along a direction in which every
// parameter moves. Masks are fixed, but for soft ones: the straight-through estimator of their gradient is none (see
// [navigation_gradient] and the reference vectors).
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>

#include "model/network.h"
#include "model/patch_navigation.h"
#include "model/recipe.h"
#include "model/training_network.h"
#include "tests/frame_memory.h"
#include "tests/kernel_targets.h"
#include "tests/model/network_run.h"

using namespace afnet;

namespace {

// How far parameters move to either side: so little that few activations bend, so much that the loss's rounding is small
// beside what it changes.
constexpr double kStep = 1.0 / (1 << 28);

// -1, 0 or 1, by parameter and element.
double direction(const std::string &key, size_t i) {
    return std::round(3 * recipe_uniform(fnv1a64(key), 9, i) - 1.5);
}

enum class MasksOf { Pattern, Nothing, Navigation };

struct Trained {
    Trained(const ModelDescription &description, MasksOf masks)
        : kernels(AFNET_TRAINING_KERNELS, target_named("x86-64-avx2")), shape(shape_for(masks, description)),
          network(
              description, shape, {}, [](const ParameterInfo &) { return UpdateRule(); }, kernels) {
        const Tensor4 frames = random_frames(3, shape.width, shape.height, shape.flat_frames(), "video");
        const std::vector<float> pixels(frames.data.begin(), frames.data.end());
        const size_t frame = size_t(3 * shape.width * shape.height);
        for (int f = 0; f < shape.flat_frames(); f++) network.set_frame(f, &pixels[size_t(f) * frame]);
        for (int n = 0; n < shape.clips; n++) network.set_label(n, n);
        for (size_t b = 0; b < network.training().selections.size() && shape.forced_masks; b++) {
            std::vector<int> mask(size_t(shape.flat_frames()));
            for (size_t f = 0; f < mask.size(); f++) mask[f] = (f + b) % 3 != 0;
            network.force_mask(b, mask);
        }
        for (size_t b = 0; b < network.training().patches.size() && shape.forced_grid > 0; b++) {
            const int grid = shape.forced_grid;
            std::vector<int> mask(size_t(grid * grid * shape.flat_frames()));
            for (size_t p = 0; p < mask.size(); p++) mask[p] = (p + b) % 4 < 2 || p % 5 == 0;
            network.force_patches(b, mask);
        }
    }

    static RunShape shape_for(MasksOf masks, const ModelDescription &description) {
        RunShape shape;
        shape.dtype = Dtype::F64;
        shape.frames = 3;
        shape.clips = 2;
        shape.width = shape.height = 32;
        shape.forced_masks = masks == MasksOf::Pattern;
        shape.forced_grid = masks == MasksOf::Pattern && description.spatial() ? description.grid : 0;
        shape.without_masks = masks == MasksOf::Nothing;
        return shape;
    }

    /// At the recipe's weights, moved by `steps` in the direction.
    double loss(int steps, const Executor::Observer &observer = nullptr) {
        network.load(recipe_weights(4));
        for (const TrainedParameter &parameter : network.training().parameters) {
            double *values = static_cast<double *>(network.executor().memory(parameter.value).data);
            const size_t count = network.numbers(parameter.value).size();
            for (size_t i = 0; i < count; i++) values[i] += steps * kStep * direction(parameter.info.key, i);
        }
        StepSettings settings;
        settings.ratio_weight = settings.patch_ratio_weight = 0;
        return network.pass(settings, observer).loss;
    }

    KernelStore kernels;
    RunShape shape;
    TrainingNetwork network;
};

void check(ModelDescription description, MasksOf masks) {
    INFO(description.name << ", masks of " << int(masks) << ", " << ablation_text(description));
    description.classes = 5;
    description.frames = 3;
    Trained trained(description, masks);
    trained.loss(0);
    double predicted = 0;
    for (const TrainedParameter &parameter : trained.network.training().parameters) {
        if (is_navigation(parameter.info.key) && !description.soft()) continue;  // decides nothing here
        const std::vector<double> gradient = trained.network.numbers(parameter.gradient);
        for (size_t i = 0; i < gradient.size(); i++) {
            predicted += 2 * kStep * gradient[i] * direction(parameter.info.key, i);
        }
    }
    const double difference = trained.loss(1) - trained.loss(-1);
    REQUIRE(std::abs(difference) > 1e-10);
    CHECK(predicted == Approx(difference).epsilon(2e-3));
}

}  // namespace

TEST_CASE("gradients of whole networks are central differences", "[training_network]") {
    check(shipped_model("af_tiny_tsm"), MasksOf::Pattern);
    check(shipped_model("af_tiny"), MasksOf::Nothing);
    check(shipped_model("af_mobilenetv3_tsm"), MasksOf::Pattern);
}

TEST_CASE("gradients of ablations are central differences", "[training_network]") {
    ModelDescription soft = shipped_model("af_tiny_tsm"), sum = soft, focal = soft;
    set_choice(soft, "selection", "soft");
    set_choice(sum, "fusion", "addition");
    set_choice(focal, "branches", "focal");
    ModelDescription shared_soft = soft;
    set_choice(shared_soft, "temporal_masks", "shared");
    check(shared_soft, MasksOf::Navigation);
    check(soft, MasksOf::Navigation);
    check(sum, MasksOf::Pattern);
    check(focal, MasksOf::Pattern);
}

TEST_CASE("gradients of a network of basic blocks are central differences", "[training_network]") {
    check(small_basic_af_resnet(true), MasksOf::Pattern);
    check(small_basic_af_resnet(false), MasksOf::Pattern);
    check(small_basic_af_resnet(false), MasksOf::Nothing);
}

// Nothing but the order of sums in double parts them.
TEST_CASE("a network of basic blocks is trained as the reference defines it", "[training_network]") {
    NetworkRun run;
    run.description = small_basic_af_resnet(GENERATE(false, true));
    run.shape = Trained::shape_for(MasksOf::Pattern, run.description);
    run.masks = Masks::Random;
    const reference::Outputs expected = expected_outputs(run);
    TrainingChoices choices;
    choices.frozen_norm = [](const std::string &) { return true; };
    KernelStore kernels(AFNET_TRAINING_KERNELS, target_named("x86-64-avx2"));
    TrainingNetwork training(run.description, run.shape, choices, [](const ParameterInfo &) { return UpdateRule(); },
                             kernels);
    training.load(recipe_weights(run.seed));
    for_each_recipe_frame(run.shape.clips, run.shape.frames, run.shape.height, run.shape.width, run.seed,
                          [&](int f, const float *pixels) { training.set_frame(f, pixels); });
    for (int n = 0; n < run.shape.clips; n++) training.set_label(n, n);
    const std::vector<std::vector<int>> masks = run.forced();
    for (size_t block = 0; block < masks.size(); block++) training.force_mask(block, masks[block]);
    training.pass({});
    const std::vector<double> logits = training.numbers(training.training().clip_logits);
    const std::vector<double> &wanted = expected.at("clip_logits").data;
    REQUIRE(logits.size() == wanted.size());
    for (size_t i = 0; i < logits.size(); i++) CHECK(logits[i] == Approx(wanted[i]).epsilon(1e-9).margin(1e-9));
}

namespace {

ModelDescription small_spatial(const char *masks, const char *model = "af_tiny_tsm") {
    ModelDescription description = shipped_model(model);
    set_choice(description, "masks", masks);
    description.grid = 3; // divides neither 8 nor 4 nor 2 pixels
    description.classes = 5;
    description.frames = 3;
    return description;
}

// All blocks take the first one's temporal mask.
ModelDescription sharing(ModelDescription description) {
    set_choice(description, "temporal_masks", "shared");
    return description;
}

// Every mask of the network, of frames and of patches, as memory of doubles.
std::map<TensorId, size_t> masks_of(Trained &trained) {
    std::map<TensorId, size_t> elements;
    const TrainingPlan &training = trained.network.training();
    for (const Selection &selection : training.selections)
        elements[selection.forced] = trained.network.numbers(selection.forced).size();
    for (const TrainedPatches &patches : training.patches)
        elements[patches.selection.forced] = trained.network.numbers(patches.selection.forced).size();
    return elements;
}

} // namespace

TEST_CASE("gradients with masks in space are central differences", "[training_network]") {
    check(small_spatial("spatial"), MasksOf::Pattern);
    check(small_spatial("both"), MasksOf::Pattern);
    check(small_spatial("spatial", "af_tiny"), MasksOf::Pattern);
    check(sharing(small_spatial("both")), MasksOf::Pattern);
}

// What a mask's gradient would be if masks could be any number, which straight-through takes it for.
TEST_CASE("gradients of masks in space and time are central differences", "[training_network]") {
    ModelDescription frames = shipped_model("af_tiny_tsm"), mobile = shipped_model("af_mobilenetv3_tsm");
    frames.classes = mobile.classes = 5;
    frames.frames = mobile.frames = 3;
    for (const ModelDescription &description :
         {small_spatial("spatial"), small_spatial("both"), sharing(small_spatial("both")), frames, sharing(frames),
          sharing(mobile)}) {
        INFO(description.name << ", " << ablation_text(description));
        Trained trained(description, MasksOf::Pattern);
        const std::map<TensorId, size_t> all = masks_of(trained);
        // Gradients by the masks' names; of each the last that a step leaves, when all parts are in it.
        std::map<std::string, std::vector<double>> gradients;
        const auto read = [&](const StepReport &report) {
            for (const Argument &argument : report.step->arguments) {
                const std::string &name = trained.network.training().plan.tensors[size_t(argument.tensor)].name;
                if (name.find("gradient of ") != 0 || name.find("forced") == std::string::npos) continue;
                gradients[name.substr(12)] = trained.network.numbers(argument.tensor);
            }
        };
        trained.loss(0, read);
        REQUIRE(gradients.size() == all.size());
        REQUIRE((trained.network.training().selections.size() == 1) == description.shares_temporal_mask());
        const auto moved = [&](double step) {
            for (const auto &[id, elements] : all) {
                double *values = static_cast<double *>(trained.network.executor().memory(id).data);
                const std::string &name = trained.network.training().plan.tensors[size_t(id)].name;
                for (size_t i = 0; i < elements; i++)
                    values[i] += step * direction(name, i);
            }
            return trained.loss(0);
        };
        double predicted = 0;
        for (const auto &[id, elements] : all) {
            const std::string &name = trained.network.training().plan.tensors[size_t(id)].name;
            REQUIRE(gradients.at(name).size() == elements);
            for (size_t i = 0; i < elements; i++)
                predicted += 2 * kStep * gradients.at(name)[i] * direction(name, i);
        }
        const double above = moved(kStep), below = moved(-2 * kStep);
        REQUIRE(std::abs(above - below) > 1e-10);
        CHECK(predicted == Approx(above - below).epsilon(2e-3));
    }
}

// A policy may choose frames, patches or both; what it does not is learned.
TEST_CASE("training's library has the kernels of masks that are given in part", "[training_network]") {
    std::set<std::string> names;
    for (const KernelSpec &spec : training_kernel_specs(shipped_model("af_tiny_tsm"), Dtype::F32))
        names.insert(spec.name());
    const ModelDescription both = small_spatial("both");
    for (const ModelDescription &description : {both, sharing(both)}) {
        for (const Unselected unselected : {Unselected::Masked, Unselected::Skipped}) {
            for (const int given : {0, 1, 2, 3}) {
                RunShape shape = Trained::shape_for(MasksOf::Navigation, description);
                shape.dtype = Dtype::F32;
                shape.unselected = unselected;
                shape.forced_masks = given & 1;
                shape.forced_grid = given & 2 ? description.grid : 0;
                for (const Step &step : lower_training(description, shape, {}).plan.steps) {
                    INFO(step.label << ": " << step.kernel.name() << ", given " << given);
                    CHECK(names.count(step.kernel.name()) == 1);
                }
            }
        }
    }
}

TEST_CASE("the ratio of a shared mask counts once", "[training_network]") {
    for (const Unselected unselected : {Unselected::Masked, Unselected::Skipped}) {
        const ModelDescription description = sharing(small_spatial("both"));
        RunShape shape = Trained::shape_for(MasksOf::Navigation, description);
        shape.unselected = unselected;
        KernelStore kernels(AFNET_TRAINING_KERNELS, target_named("x86-64-avx2"));
        TrainingNetwork network(
            description, shape, {}, [](const ParameterInfo &) { return UpdateRule(); }, kernels);
        network.load(recipe_weights(4));
        const Selection &selection = network.training().selections.at(0);
        std::vector<double> uniform(2 * 6);
        for (size_t i = 0; i < uniform.size(); i++)
            uniform[i] = recipe_uniform(12, 0, i);
        network.set_noise(0, uniform);
        // The gradient of the mask itself, behind all parts.
        std::vector<double> gradient;
        const auto read = [&](const StepReport &report) {
            if (report.step->kernel.generator != "ratio_loss") return;
            REQUIRE(gradient.empty());
            gradient = network.numbers(report.step->arguments.back().tensor);
        };
        StepSettings settings;
        settings.target_ratio = 0.2;
        settings.patch_ratio_weight = settings.ratio_weight = 0;
        network.pass(settings, read);
        const std::vector<double> without = std::exchange(gradient, {});
        network.load(recipe_weights(4));
        settings.ratio_weight = 3;
        const StepResult result = network.pass(settings, read);
        const std::vector<double> mask = network.numbers(selection.mask);
        const double ratio = std::accumulate(mask.begin(), mask.end(), 0.0) / 6;
        CHECK(result.realised_ratios == std::vector<double>{ratio});
        CHECK(result.ratio_error == Approx(std::pow(0.2 - ratio, 2)));
        CHECK(result.loss == Approx(result.cross_entropy + 3 * std::pow(0.2 - ratio, 2)));
        REQUIRE(gradient.size() == 6);
        for (size_t f = 0; f < 6; f++)
            CHECK(gradient[f] - without[f] == Approx(3 * 2 * (ratio - 0.2) / 6).epsilon(1e-9));
    }
}

TEST_CASE("the ratio of patches is that of selected frames, and reaches the navigation", "[training_network]") {
    for (const char *masks : {"spatial", "both"}) {
        INFO(masks);
        Trained trained(small_spatial(masks), MasksOf::Navigation);
        trained.network.load(recipe_weights(4));
        const TrainingPlan &training = trained.network.training();
        StepSettings settings;
        settings.ratio_weight = 0;
        settings.target_patch_ratio = 0.3;
        settings.patch_ratio_weight = 2;
        for (size_t b = 0; b < training.patches.size(); b++) {
            std::vector<double> uniform(size_t(2 * 9 * 6));
            for (size_t i = 0; i < uniform.size(); i++)
                uniform[i] = recipe_uniform(11, b, i);
            trained.network.set_patch_noise(b, uniform);
        }
        const StepResult result = trained.network.pass(settings);
        REQUIRE(result.realised_patch_ratios.size() == training.patches.size());
        double error = 0, chosen = 0;
        std::map<std::string, bool> held; // by block: whether it has patches to hold a ratio of
        for (size_t b = 0; b < training.patches.size(); b++) {
            const std::vector<double> patches = trained.network.numbers(training.patches[b].selection.mask);
            std::vector<double> frames(6, 1);
            if (!training.selections.empty()) frames = trained.network.numbers(training.selections[b].mask);
            double selected = 0, total = 0;
            for (size_t f = 0; f < 6; f++) {
                for (size_t p = 0; p < 9; p++)
                    selected += frames[f] * patches[9 * f + p];
                total += 9 * frames[f];
            }
            const double ratio = total > 0 ? selected / total : 1;
            CHECK(result.realised_patch_ratios[b] == Approx(ratio));
            if (total > 0) error += std::pow(0.3 - ratio, 2) / double(training.patches.size());
            chosen += selected;
            held[training.patches[b].selection.name] = total > 0;
        }
        CHECK(result.patch_ratio_error == Approx(error));
        CHECK(result.loss == Approx(result.cross_entropy + 2 * error));
        CHECK(chosen > 0);
        for (const TrainedParameter &parameter : training.parameters) {
            if (parameter.info.key.find("spatial_navigation.conv") == std::string::npos) continue;
            INFO(parameter.info.key);
            double norm = 0;
            for (double g : trained.network.gradient(parameter))
                norm += g * g;
            CHECK((norm > 0) == held.at(parameter.info.key.substr(0, parameter.info.key.find(".spatial"))));
        }
    }
}

// With running statistics and noise that cancels, training's forward pass is inference.
TEST_CASE("a network infers what its training computes", "[training_network]") {
    KernelStore kernels(AFNET_KERNEL_DIR, runnable_targets().back());
    TrainingChoices choices;
    choices.frozen_norm = [](const std::string &) { return true; };
    using Changes = std::vector<std::pair<const char *, const char *>>;
    for (const Changes &changes : {Changes{},
                                   {{"selection", "soft"}},
                                   {{"fusion", "addition"}},
                                   {{"branches", "focal"}},
                                   {{"masks", "spatial"}},
                                   {{"masks", "both"}},
                                   {{"temporal_masks", "shared"}},
                                   {{"temporal_masks", "shared"}, {"selection", "soft"}},
                                   {{"temporal_masks", "shared"}, {"masks", "both"}}}) {
        ModelDescription description = shipped_model("af_tiny_tsm");
        description.classes = 5;
        description.frames = 3;
        for (const auto &[field, word] : changes)
            set_choice(description, field, word);
        INFO(ablation_text(description));
        RunShape shape;
        shape.frames = 3;
        shape.clips = 2;
        shape.width = shape.height = 48;
        TrainingNetwork training(description, shape, choices, [](const ParameterInfo &) { return UpdateRule(); }, kernels);
        training.load(recipe_weights(5));
        Network inference(description, shape, kernels, recipe_weights(5));
        for_each_recipe_frame(shape.clips, shape.frames, shape.height, shape.width, 5, [&](int f, const float *pixels) {
            training.set_frame(f, pixels);
            inference.set_frame(f, pixels);
        });
        for (int n = 0; n < shape.clips; n++) training.set_label(n, n);
        training.pass({});
        inference.run();
        const std::vector<double> logits = training.numbers(training.training().clip_logits);
        double largest = 0, difference = 0;
        for (size_t i = 0; i < logits.size(); i++) {
            largest = std::max(largest, std::abs(logits[i]));
            difference = std::max(difference, std::abs(logits[i] - double(inference.clip_logits(int(i / 5))[i % 5])));
        }
        CHECK(difference <= 5e-5 * largest);
    }
}

TEST_CASE("a step changes what is trained and nothing else", "[training_network]") {
    ModelDescription description = shipped_model("af_tiny_tsm");
    description.classes = 5;
    description.frames = 3;
    KernelStore kernels(AFNET_TRAINING_KERNELS, target_named("x86-64-avx2"));
    TrainingChoices choices;
    choices.trained = [](const std::string &key) { return key.find("list_gen") != std::string::npos; };
    choices.frozen_norm = [](const std::string &norm) { return norm.find("list_gen") == std::string::npos; };
    RunShape shape = Trained::shape_for(MasksOf::Navigation, description);
    TrainingNetwork network(description, shape, choices, [](const ParameterInfo &) { return UpdateRule(); }, kernels);
    network.load(recipe_weights(4));
    const auto before = network.state_dict();
    const StepResult result = network.step({});
    CHECK(result.finite);
    for (const auto &[key, values] : network.state_dict()) {
        INFO(key);
        const bool gate = key.find("list_gen") != std::string::npos;
        if (!gate) CHECK(values == before.at(key));
        if (key.find("list_gen") != std::string::npos && key.find("bn.running_mean") != std::string::npos) {
            CHECK(values != before.at(key));
        }
    }
}

TEST_CASE("a step that is not finite changes nothing", "[training_network]") {
    ModelDescription description = shipped_model("af_tiny_tsm");
    description.classes = 5;
    description.frames = 3;
    Trained trained(description, MasksOf::Pattern);
    trained.network.load(recipe_weights(4));
    const auto before = trained.network.state_dict();
    std::vector<float> broken(size_t(3 * 32 * 32), std::nanf(""));
    trained.network.set_frame(0, broken.data());
    CHECK_FALSE(trained.network.step({}).finite);
    CHECK(trained.network.state_dict() == before);
    CHECK(trained.network.steps() == 0);
}
