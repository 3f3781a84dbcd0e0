// Every step of every shipped model has its place in the breakdown.
#include "bench/stages.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "model/lowering.h"

using namespace afnet;

namespace {

using Names = std::set<std::string>;

Names expected_stages(const ModelDescription &model) {
    Names names = {"stem", "head"};
    if (model.shift) names.insert("lists");
    if (model.family == Family::AfMobileNetV3) {
        for (const MobileStage &stage : model.stages)
            names.insert("features_" + stage.name);
    } else {
        for (const char *layer : {"layer1", "layer2", "layer3", "layer4"})
            names.insert(layer);
    }
    return names;
}

Names expected_kinds(const ModelDescription &model) {
    Names names = {"stem", "plain", "head"};
    if (model.shift) names.insert("navigation");
    if (model.adaptive()) {
        names.merge(Names{"ample", "focal", "focal shortcut", "navigation", "fusion", "fusion block"});
        // Blocks between the first, whose projection gives rejected frames what they get, and the last, of which the
        // fusion does.
        const bool mobile = model.family == Family::AfMobileNetV3;
        if (mobile || *std::max_element(model.depths.begin(), model.depths.end() - 1) > 3) names.insert("unselected");
    }
    return names;
}

}  // namespace

TEST_CASE("every step belongs to a stage and a kind of its model", "[bench]") {
    for (const ModelDescription &model : shipped_models()) {
        Names stages, kinds;
        for (const Step &step : lower(model, {}).plan.steps) {
            stages.insert(stage_of(step));
            kinds.insert(kind_of(step));
        }
        INFO(model.name);
        CHECK(stages == expected_stages(model));
        CHECK(kinds == expected_kinds(model));
    }
}

TEST_CASE("kinds agree with what steps do", "[bench]") {
    for (const ModelDescription &model : shipped_models()) {
        for (const Step &step : lower(model, {}).plan.steps) {
            INFO(model.name << ", " << step.label);
            const std::string kind = kind_of(step), &generator = step.kernel.generator;
            // Lists govern the focal branch and nothing else.
            CHECK((step.count != kNoTensor) == (kind == "focal" || kind == "unselected"));
            CHECK((generator == "fill_unselected") == (kind == "unselected"));
            if (generator == "work_list" || generator == "navigation") CHECK(kind == "navigation");
            if (generator == "fuse_branches") CHECK(kind == "fusion");
            if (generator == "consensus") CHECK(kind == "head");
            if (kind == "focal shortcut") CHECK(counts_as_convolution(step));
        }
    }
}

TEST_CASE("convolutions but the stem are those that layers multiply in", "[bench]") {
    const LoweredNetwork network = lower(shipped_model("af_resnet50_tsm"), {});
    for (const Step &step : network.plan.steps) {
        INFO(step.label);
        CHECK(counts_as_convolution(step) == (step.kernel.generator == "conv2d"));
    }
    for (const Step &step : lower(shipped_model("af_mobilenetv3_tsm"), {}).plan.steps) {
        if (step.label == "conv") CHECK_FALSE(counts_as_convolution(step));
        for (const char *generator : {"depthwise", "expand_depthwise", "gated_projection"}) {
            if (step.kernel.generator == generator) CHECK(counts_as_convolution(step));
        }
        if (step.kernel.generator == "linear") CHECK_FALSE(counts_as_convolution(step));
    }
}
