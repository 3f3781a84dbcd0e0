// Schedules by hand-computed values, and recipes as files.
#include <catch2/catch.hpp>

#include "model/initial_weights.h"
#include "model/training_recipe.h"
#include "runtime/error.h"

using namespace afnet;
using Catch::Matchers::Contains;

namespace {

TrainingClock at_epoch(int epoch) {
    TrainingClock clock;
    clock.steps_per_epoch = 10;
    clock.steps = 550;
    clock.step = 10 * epoch;
    return clock;
}

TrainingClock at_step(int64_t step, int64_t steps) {
    TrainingClock clock;
    clock.step = step;
    clock.steps = steps;
    return clock;
}

}  // namespace

TEST_CASE("the ratio falls as the authors' does", "[training_schedule]") {
    RatioSchedule schedule;
    schedule.ratio = 0.4;
    const std::pair<int, double> expected[] = {{0, 1}, {9, 1}, {10, 0.8}, {14, 0.8}, {15, 0.6}, {19, 0.6}, {20, 0.4}, {54, 0.4}};
    for (const auto &[epoch, ratio] : expected) CHECK(ratio_at(schedule, at_epoch(epoch)) == Approx(ratio));
}

TEST_CASE("a linear ratio falls between two fractions", "[training_schedule]") {
    const RatioSchedule schedule{0.25, "linear", 0.2, 0.5};
    CHECK(ratio_at(schedule, at_step(60, 300)) == Approx(1));
    CHECK(ratio_at(schedule, at_step(105, 300)) == Approx(0.625));
    CHECK(ratio_at(schedule, at_step(150, 300)) == Approx(0.25));
    CHECK(ratio_at(schedule, at_step(299, 300)) == Approx(0.25));
}

TEST_CASE("the temperature falls exponentially and then stays", "[training_schedule]") {
    const TemperatureSchedule schedule;
    CHECK(temperature_at(schedule, at_epoch(0)) == Approx(1));
    CHECK(temperature_at(schedule, at_epoch(10)) == Approx(0.398107).epsilon(1e-5));
    CHECK(temperature_at(schedule, at_epoch(25)) == Approx(0.1));
    CHECK(temperature_at(schedule, at_epoch(54)) == Approx(0.01));
    CHECK(temperature_at({1, 0.5, "linear", 0.9}, at_step(45, 100)) == Approx(0.75));
    CHECK(temperature_at({1, 0, "cosine", 0.9}, at_step(45, 100)) == Approx(0.5));
}

TEST_CASE("rates fall in steps or along a cosine, after a warm-up", "[training_schedule]") {
    const RateSchedule steps;
    CHECK(rate_at(steps, at_epoch(24)) == Approx(0.01));
    CHECK(rate_at(steps, at_epoch(25)) == Approx(0.001));
    CHECK(rate_at(steps, at_epoch(45)) == Approx(0.0001));
    const RateSchedule cosine{0.04, "cosine", {}, 0.1};
    CHECK(rate_at(cosine, at_step(0, 100)) == Approx(0.004));
    CHECK(rate_at(cosine, at_step(9, 100)) == Approx(0.04));
    CHECK(rate_at(cosine, at_step(55, 100)) == Approx(0.02));
    CHECK(gate_rate_factor_at(0.7, at_step(70, 100)) == Approx(1));
    CHECK(gate_rate_factor_at(0.7, at_step(85, 100)) == Approx(0.5));
    CHECK(gate_rate_factor_at(1, at_step(99, 100)) == Approx(1));
}

TEST_CASE("a recipe is read as it was written", "[training_schedule]") {
    TrainingRecipe recipe;
    recipe.stages[0].freeze = {"*", "layer1.*"};
    recipe.stages[0].optimizers = {parse_optimizer("*list_gen*=adam:lr=0.05:beta2=0.98")};
    recipe.stages.push_back(TrainingStage());
    recipe.stages[1].rate.drops = {3};
    const TrainingRecipe read = parse_recipe(recipe_text(recipe), "test");
    CHECK(recipe_text(read) == recipe_text(recipe));
    CHECK(read.stages[0].optimizers[0].rule.rate == Approx(0.05));
}

TEST_CASE("a recipe that cannot be followed says why", "[training_schedule]") {
    CHECK_THROWS_WITH(parse_recipe(R"({"epoch": 3})", "file"), Contains("file") && Contains("did you mean `epochs`"));
    CHECK_THROWS_WITH(parse_recipe(R"({"batch": "many"})", "file"), Contains("batch") && Contains("many"));
    CHECK_THROWS_WITH(parse_recipe(R"({"rt": 1.5})", "file"), Contains("rt is 1.5"));
    CHECK_THROWS_WITH(parse_recipe(R"({"stages": []})", "file"), Contains("stages"));
    CHECK_THROWS_WITH(
        parse_recipe(R"({"masks": "oracle"})", "file"),
        Contains("'oracle'") &&
            Contains("learned, all, random, random-same, uniform, normal, first, centre, blob, crop, none"));
    CHECK_THROWS_WITH(parse_recipe(R"({"masks_of": "pixels"})", "file"),
                      Contains("masks_of is 'pixels'") && Contains("auto, frames, patches, both"));
    CHECK_THROWS_AS(parse_recipe("{", "file"), Error);
    CHECK_THROWS_AS(parse_optimizer("adam"), UsageError);
    CHECK_THROWS_WITH(parse_optimizer("*=adam:lr=x"), Contains("lr=x"));
}

TEST_CASE("patterns name parameters", "[training_schedule]") {
    CHECK(matches_pattern("layer1.list_gen.0.bn.weight", "*list_gen*"));
    CHECK(matches_pattern("fc.weight", "fc.*"));
    CHECK(matches_pattern("fc.weight", "*"));
    CHECK(matches_pattern("a.b.b", "*b"));
    CHECK_FALSE(matches_pattern("fc.weight", "fc"));
    CHECK_FALSE(matches_pattern("layer1.fc.weight", "fc.*"));
    TrainingStage stage;
    stage.freeze = {"*"};
    stage.thaw = {"*list_gen*"};
    CHECK(stage.trains("layer1.list_gen.0.bn.weight"));
    CHECK_FALSE(stage.trains("fc.weight"));
}

TEST_CASE("which residual branches begin as nothing", "[training_schedule]") {
    const auto scale = [](const char *model, const std::string &norm) {
        return initial_weights(shipped_model(model), {})({norm + ".weight", {1}}).at(0);
    };
    for (const char *block : {"layer1.fusion.0", "layer2.base_module.1", "layer4.2"}) {
        CHECK(scale("af_resnet50", block + std::string(".bn3")) == 0);
        CHECK(scale("af_resnet50", block + std::string(".bn2")) == 1);
        CHECK(scale("af_resnet34_tsm", block + std::string(".bn2")) == 0);
        CHECK(scale("af_resnet34_tsm", block + std::string(".bn1")) == 1);
    }
    CHECK(scale("af_resnet50", "layer1.refine_module.0.bn3") == 1);
    CHECK(scale("af_resnet34", "layer1.refine_module.0.bn2") == 1);
}

TEST_CASE("the authors' groups", "[training_schedule]") {
    const ModelDescription &resnet = shipped_model("af_resnet50"), &mobile = shipped_model("af_mobilenetv3_tsm");
    struct Expected {
        const ModelDescription &model;
        ParameterInfo parameter;
        double rate, decay;
    };
    const Expected expected[] = {{resnet, {"layer1.list_gen.0.bn.weight", {2}}, 10, 1},
                                 {resnet, {"layer1.list_gen.0.conv_gs.bias", {24}}, 10, 1},
                                 {resnet, {"conv1.weight", {64, 3, 7, 7}}, 1, 1},
                                 {resnet, {"bn1.weight", {64}}, 1, 0},
                                 {resnet, {"fc.weight", {174, 2048}}, 5, 1},
                                 {resnet, {"fc.bias", {174}}, 10, 0},
                                 {resnet, {"layer1.att_gen.fc.0.weight", {16, 256}}, 5, 1},
                                 {mobile, {"att_gen2.fc.0.weight", {2, 40}}, 1, 1},
                                 {mobile, {"att_gen2.fc.0.bias", {2}}, 1, 1},
                                 {mobile, {"fc.3.weight", {174, 1280}}, 5, 1}};
    for (const Expected &e : expected) {
        INFO(e.parameter.key);
        const UpdateRule rule = authors_rule(e.model, e.parameter);
        CHECK(rule.rate_factor == e.rate);
        CHECK(rule.decay_factor == e.decay);
    }
}
