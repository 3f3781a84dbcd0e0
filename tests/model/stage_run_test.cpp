// A stage of training by itself, on made-up pixels: where masks come from, and what a stage that is resumed does.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "model/initial_weights.h"
#include "model/patch_masks.h"
#include "model/patch_navigation.h"
#include "model/stage_run.h"
#include "runtime/arena.h"
#include "tests/frame_memory.h"

using namespace afnet;

namespace {

constexpr int kFrames = 4, kSize = 32, kClips = 2;

ModelDescription small_model() {
    ModelDescription description = shipped_model("af_tiny_tsm");
    description.classes = 5;
    description.frames = kFrames;
    return description;
}

TrainingStage small_stage() {
    TrainingStage stage;
    stage.batch = kClips;
    stage.rate = {0.02, "constant", {}, 0};
    stage.ratio = {0.5, "step", 0, 0};
    stage.keep_bias = 2;
    return stage;
}

// Clips of the list's places `first` and the one behind it.
ClipBatch batch_of(size_t first) {
    ClipBatch batch;
    const Tensor4 frames = random_frames(3, kSize, kSize, kFrames * kClips, "clip " + std::to_string(first));
    batch.pixels.assign(frames.data.begin(), frames.data.end());
    for (size_t n = 0; n < size_t(kClips); n++) {
        batch.labels.push_back(int((first + n) % 5));
        batch.samples.push_back(first + n);
    }
    return batch;
}

TrainingClock clock_of(int64_t step) {
    TrainingClock clock;
    clock.step = step;
    clock.steps = 100;
    clock.steps_per_epoch = 10;
    return clock;
}

StateTensors fresh_state(const ModelDescription &description) {
    return state_of(description, initial_weights(description, {3, 1, 2, 0.05}));
}

struct Running {
    explicit Running(const TrainingStage &stage, const ModelDescription &description = small_model())
        : kernels(AFNET_TRAINING_KERNELS, target_named("x86-64-avx2")),
          run(description, stage, kFrames, kSize, 7, fresh_state(description), kernels, *group) {}

    std::vector<std::vector<double>> masks() {
        std::vector<std::vector<double>> result;
        for (const Selection &selection : run.network().training().selections)
            result.push_back(run.network().numbers(selection.deciding_mask()));
        return result;
    }

    std::vector<std::vector<double>> patches() {
        std::vector<std::vector<double>> result;
        for (const TrainedPatches &patches : run.network().training().patches)
            result.push_back(run.network().numbers(patches.selection.deciding_mask()));
        return result;
    }

    std::unique_ptr<ProcessGroup> group = single_process();
    KernelStore kernels;
    StageRun run;
};

ModelDescription spatial_model(MaskKind masks) {
    ModelDescription description = small_model();
    description.masks = masks;
    description.grid = 4;
    return description;
}

TrainingStage spatial_stage(const std::string &masks, const std::string &target = "auto",
                            const std::string &unselected = "masked") {
    TrainingStage stage = small_stage();
    stage.masks = masks;
    stage.masks_of = target;
    stage.unselected = unselected;
    stage.patch_ratio = {0.25, "step", 0, 0};
    return stage;
}

bool equal(const std::vector<double> &values, const std::vector<int> &mask) {
    return values == std::vector<double>(mask.begin(), mask.end());
}

} // namespace

TEST_CASE("a stage takes masks from its policy, by epoch and place in the list", "[stage_run]") {
    TrainingStage stage = small_stage();
    stage.masks = "random";
    Running here(stage), there(stage);
    const StepResult result = here.run.step(batch_of(6), clock_of(3));
    for (double ratio : result.realised_ratios)
        CHECK(ratio == 0.5);
    CHECK(result.loss == result.cross_entropy); // no ratio to learn
    CHECK(result.ratio_error == 0);
    const auto masks = here.masks();
    const auto expected = batch_masks(MaskPolicy::Random, masks.size(), kFrames, kClips, 0.5, 7, 0, {6, 7});
    REQUIRE(masks.size() == 6);
    for (size_t block = 0; block < masks.size(); block++) {
        CHECK(masks[block] == std::vector<double>(expected[block].begin(), expected[block].end()));
    }
    there.run.step(batch_of(6), clock_of(9)); // another step of the same epoch
    CHECK(there.masks() == masks);
    there.run.step(batch_of(6), clock_of(13));
    CHECK(there.masks() != masks);
    there.run.step(batch_of(8), clock_of(3));
    CHECK(there.masks() != masks);
}

TEST_CASE("the navigation stays as it is where a policy replaces it", "[stage_run]") {
    for (const char *policy : {"random-same", "none"}) {
        INFO(policy);
        TrainingStage stage = small_stage();
        stage.masks = policy;
        Running running(stage);
        const StateTensors before = running.run.state();
        CHECK(running.run.step(batch_of(0), clock_of(0)).finite);
        size_t changed = 0;
        for (const auto &[key, values] : running.run.state()) {
            INFO(key);
            const bool navigation = key.find("list_gen") != std::string::npos;
            if (navigation) CHECK(values == before.at(key));
            changed += values != before.at(key);
        }
        CHECK(changed > 50);
    }
}

TEST_CASE("a stage takes masks of patches from its policy, by epoch and place in the list", "[stage_run]") {
    for (const char *unselected : {"masked", "sparse"}) {
        for (const char *word : {"random", "random-same", "centre", "blob", "crop"}) {
            INFO(unselected << ", " << word);
            const TrainingStage stage = spatial_stage(word, "auto", unselected);
            const ModelDescription description = spatial_model(MaskKind::Spatial);
            Running here(stage, description), there(stage, description);
            const StepResult result = here.run.step(batch_of(6), clock_of(3));
            CHECK(result.finite);
            CHECK(result.loss == result.cross_entropy); // no ratio to learn
            CHECK(result.realised_patch_ratios == std::vector<double>(6, 0.25));
            const auto patches = here.patches();
            const auto expected =
                batch_patches(stage.policy(), 6, kFrames, kClips, description.grid, 0.25, 7, 0, {6, 7});
            REQUIRE(patches.size() == 6);
            for (size_t block = 0; block < patches.size(); block++)
                CHECK(equal(patches[block], expected[block]));
            there.run.step(batch_of(6), clock_of(9)); // another step of the same epoch
            CHECK(there.patches() == patches);
            const bool drawn = stage.policy() != MaskPolicy::Centre;
            there.run.step(batch_of(6), clock_of(13));
            CHECK((there.patches() != patches) == drawn);
            there.run.step(batch_of(8), clock_of(3));
            CHECK((there.patches() != patches) == drawn);
        }
    }
}

// So what a rank draws does not depend on which micro-batches are its own.
TEST_CASE("masks of a micro-batch are those of its clips", "[stage_run]") {
    TrainingStage stage = spatial_stage("random", "both");
    stage.micro_batch = 1;
    Running running(stage, spatial_model(MaskKind::Both));
    CHECK(running.run.step(batch_of(6), clock_of(3)).finite);
    const auto frames = batch_masks(MaskPolicy::Random, 6, kFrames, 1, 0.5, 7, 0, {7});
    const auto patches = batch_patches(MaskPolicy::Random, 6, kFrames, 1, 4, 0.25, 7, 0, {7});
    for (size_t block = 0; block < 6; block++) { // of the last one
        CHECK(equal(running.masks()[block], frames[block]));
        CHECK(equal(running.patches()[block], patches[block]));
    }
}

TEST_CASE("of both kinds of masks a policy makes those that it is asked for, and the others are learned",
          "[stage_run]") {
    for (const char *unselected : {"masked", "sparse"}) {
        for (const char *target : {"auto", "frames", "patches", "both"}) {
            for (const char *word : {"random", "none", "all"}) {
                INFO(unselected << ", " << word << " of " << target);
                const TrainingStage stage = spatial_stage(word, target, unselected);
                const ModelDescription description = spatial_model(MaskKind::Both);
                const StageMasks masks = stage_masks(stage, description);
                const std::string of = target;
                if (word == std::string("all") && (of == "auto" || of == "both")) {
                    CHECK(masks.nothing_masked);
                    continue;
                }
                CHECK(masks.frames == (of == "frames" || of == "both"));
                CHECK(masks.patches == (of != "frames"));
                Running running(stage, description);
                const StateTensors before = running.run.state();
                StepResult result;
                for (int step = 0; step < 2; step++) // noise may select nothing in one of them
                    result = running.run.step(batch_of(0), clock_of(step));
                CHECK(result.finite);
                size_t frames = 0, patches = 0, others = 0;
                for (const auto &[key, values] : running.run.state()) {
                    const bool changed = values != before.at(key);
                    const bool temporal = key.find("list_gen") != std::string::npos;
                    (is_patch_navigation(key) ? patches : temporal ? frames : others) += changed;
                }
                CHECK((frames > 0) == !masks.frames);
                CHECK((patches > 0) == !masks.patches);
                CHECK(others > 50);
                const double given = word == std::string("none") ? 0 : word == std::string("all") ? 1 : -1;
                for (double ratio : result.realised_ratios)
                    if (masks.frames) CHECK(ratio == (given < 0 ? .5 : given));
                for (double ratio : result.realised_patch_ratios)
                    if (masks.patches && ratio < 1) CHECK(ratio == (given < 0 ? .25 : given)); // 1: no frame either
            }
        }
    }
}

TEST_CASE("what masks a stage may ask of a model", "[stage_run]") {
    using Catch::Contains;
    const auto refused = [](const ModelDescription &description, const char *word, const char *target) {
        const TrainingStage stage = spatial_stage(word, target);
        try {
            stage_masks(stage, description);
        } catch (const Error &error) {
            return std::string(error.what());
        }
        return std::string("nothing");
    };
    const ModelDescription temporal = small_model(), spatial = spatial_model(MaskKind::Spatial),
                           both = spatial_model(MaskKind::Both), plain = shipped_model("resnet50");
    CHECK_THAT(refused(temporal, "random", "patches"), Contains("stage train") && Contains("has no masks in space"));
    CHECK_THAT(refused(temporal, "blob", "auto"), Contains("these choose patches"));
    CHECK_THAT(refused(spatial, "random", "frames"), Contains("has masks in space alone"));
    CHECK_THAT(refused(spatial, "random", "both"), Contains("has masks in space alone"));
    CHECK_THAT(refused(spatial, "uniform", "auto"),
               Contains("these choose frames") && Contains("random, random-same, centre, blob, crop, none"));
    CHECK_THAT(refused(both, "blob", "both"), Contains("these choose patches"));
    CHECK_THAT(refused(plain, "random", "auto"), Contains("no focal blocks"));
    CHECK_THAT(refused(plain, "learned", "frames"), Contains("no focal blocks"));
    CHECK(refused(temporal, "learned", "frames") == "nothing");
    CHECK(refused(both, "uniform", "frames") == "nothing");
    CHECK(refused(both, "centre", "both") == "nothing");
    CHECK(refused(plain, "all", "auto") == "nothing");
    CHECK_THROWS_WITH(Running(spatial_stage("uniform"), spatial), Contains("these choose frames"));
}

TEST_CASE("moving averages of weights follow from the weights after each step", "[stage_run]") {
    TrainingStage stage = small_stage();
    stage.average = 0.3;
    Running running(stage);
    StateTensors expected = running.run.state();
    CHECK(running.run.outcome() == expected);
    for (int step = 0; step < 4; step++) {
        CHECK(running.run.step(batch_of(size_t(step)), clock_of(step)).finite);
        const double decay = std::min(0.3, (2.0 + step) / (11 + step)); // .18, .25, .3, .3
        for (auto &[key, values] : expected) {
            const std::vector<float> now = running.run.state().at(key);
            for (size_t i = 0; i < values.size(); i++) {
                values[i] = float(decay * double(values[i]) + (1 - decay) * double(now[i]));
            }
        }
    }
    const StateTensors averages = running.run.outcome(), weights = running.run.state();
    size_t apart = 0;
    for (const auto &[key, values] : averages) {
        INFO(key);
        for (size_t i = 0; i < values.size(); i++) {
            if (std::abs(values[i] - expected.at(key)[i]) > 2e-6f * std::max(1.0f, std::abs(values[i]))) {
                CHECK(values[i] == expected.at(key)[i]);
            }
        }
        apart += values != weights.at(key);
    }
    CHECK(apart > 50);
}

TEST_CASE("a stage that is resumed has the averages and weights of one that was not", "[stage_run]") {
    TrainingStage stage = small_stage();
    stage.average = 0.9;
    Running whole(stage), first(stage), second(stage);
    for (int step = 0; step < 4; step++)
        whole.run.step(batch_of(size_t(step)), clock_of(step));
    for (int step = 0; step < 2; step++)
        first.run.step(batch_of(size_t(step)), clock_of(step));
    second.run.network().load(weights_of(first.run.state()));
    second.run.network().load_optimizer(first.run.network().optimizer_state(), first.run.network().steps());
    CHECK(second.run.outcome() == first.run.outcome());
    for (int step = 2; step < 4; step++)
        second.run.step(batch_of(size_t(step)), clock_of(step));
    CHECK(second.run.state() == whole.run.state());
    CHECK(second.run.outcome() == whole.run.outcome());
    CHECK(whole.run.outcome() != whole.run.state());
}

TEST_CASE("the memory of a step, layer by layer, is that of the network's tensors", "[stage_run]") {
    TrainingStage stage = small_stage();
    stage.average = 0.9;
    Running running(stage);
    const TrainingMemory memory = stage_memory(small_model(), stage, kFrames, kSize);
    CHECK(memory.arena == running.run.network().executor().arena_bytes());
    CHECK(memory.arena < memory.sum.in_arena()); // lives do not all meet
    size_t all = 0, shown = 0;
    for (const TensorInfo &tensor : running.run.network().training().plan.tensors)
        all += stored_bytes(tensor);
    LayerMemory sum;
    for (const LayerMemory &layer : memory.layers) {
        shown += layer.in_arena() + layer.outside();
        sum.parameters += layer.parameters;
        sum.optimizer += layer.optimizer;
    }
    CHECK(shown == all);
    // Momentum and an average for each weight, an average for each statistic; all rows are a multiple of 64 bytes.
    CHECK(sum.parameters == memory.sum.parameters);
    CHECK(sum.optimizer > sum.parameters);
    CHECK(sum.optimizer <= 2 * sum.parameters);
    const auto found = std::find_if(memory.layers.begin(), memory.layers.end(),
                                    [](const LayerMemory &layer) { return layer.layer == "layer1.refine_module.0"; });
    REQUIRE(found != memory.layers.end());
    // conv1 [16, 8, 1, 1], conv2 [16, 8, 3, 3], conv3 [64, 8, 1, 1], the projection [64, 16, 1, 1], in floats.
    CHECK(found->parameter_gradients >= 4 * (16 * 8 + 16 * 8 * 9 + 64 * 8 + 64 * 16));
    CHECK(found->activations > 0);
    CHECK(found->gradients > 0);
    CHECK(memory_text("a", memory).find("layer1.refine_module.0") != std::string::npos);
}

TEST_CASE("soft weights are not trained sparsely: they compute every frame", "[stage_run]") {
    ModelDescription soft = small_model();
    soft.frame_choice = FrameChoice::Soft;
    TrainingStage stage = small_stage();
    stage.unselected = "sparse";
    CHECK_THROWS_WITH(Running(stage, soft), Catch::Contains("soft weights compute every frame"));
}
