#include "model/description.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/error.h"

namespace afnet {

using Json = nlohmann::json;

NLOHMANN_JSON_SERIALIZE_ENUM(Family, {{Family::ResNet, "resnet"},
                                      {Family::AfResNet, "af_resnet"},
                                      {Family::AfMobileNetV3, "af_mobilenetv3"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(InvertedResidual, kernel, in, hidden, out, stride, squeeze, activation)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(MobileStage, name, adaptive, blocks, fuse, attention_hidden)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ModelDescription, name, family, shift, frames, classes, size, width, depths, stages,
                                   last_channels, head_hidden)

namespace {

ModelDescription resnet(const std::string &name, Family family, bool shift, std::vector<int> depths, int frames) {
    ModelDescription d;
    d.name = name;
    d.family = family;
    d.shift = shift;
    d.depths = std::move(depths);
    d.frames = frames;
    return d;
}

// AFNET_SPEC §4: TSM is part of the network.
ModelDescription mobilenet() {
    const std::string relu = "relu", hswish = "hswish";
    ModelDescription d;
    d.name = "af_mobilenetv3_tsm";
    d.family = Family::AfMobileNetV3;
    d.shift = true;
    d.width = 16;
    d.depths = {};
    d.last_channels = 960;
    d.head_hidden = 1280;
    d.stages = {
        {"head", false, {{3, 16, 16, 16, 1, 0, relu}}, {}, 0},
        {"stage1", false, {{3, 16, 64, 24, 2, 0, relu}, {3, 24, 72, 24, 2, 0, relu}}, {}, 0},
        {"stage2", true, {{5, 24, 72, 40, 2, 24, relu}, {5, 40, 120, 40, 1, 32, relu}}, {5, 40, 120, 40, 2, 32, relu}, 2},
        {"stage3",
         true,
         {{3, 40, 240, 80, 2, 0, hswish}, {3, 80, 200, 80, 1, 0, hswish}, {3, 80, 184, 80, 1, 0, hswish}},
         {3, 80, 184, 80, 1, 0, hswish},
         5},
        {"stage4", false, {{3, 80, 480, 112, 1, 120, hswish}, {3, 112, 672, 112, 1, 168, hswish}}, {}, 0},
        {"stage5",
         false,
         {{5, 112, 672, 160, 2, 168, hswish}, {5, 160, 960, 160, 1, 240, hswish}, {5, 160, 960, 160, 1, 240, hswish}},
         {},
         0},
    };
    return d;
}

std::string known_names() {
    std::string names;
    for (const ModelDescription &model : shipped_models()) names += (names.empty() ? "" : ", ") + model.name;
    return names;
}

void check(const ModelDescription &d, const std::string &where) {
    const auto refuse = [&](const std::string &what) { throw Error(where + ": model description: " + what); };
    const auto in_range = [&](int value, int least, int most, const char *field) {
        if (value < least || value > most) {
            refuse(std::string(field) + " is " + std::to_string(value) + "; " + std::to_string(least) + " to " +
                   std::to_string(most) + " expected");
        }
    };
    in_range(d.frames, 1, 256, "frames");
    in_range(d.classes, 1, 100000, "classes");
    in_range(d.size, 32, 2048, "size");
    if (d.family == Family::AfMobileNetV3) {
        in_range(d.last_channels, 1, 1 << 16, "last_channels");
        in_range(d.head_hidden, 1, 1 << 16, "head_hidden");
        if (d.stages.empty()) refuse("stages is empty");
        for (const MobileStage &stage : d.stages) {
            if (stage.blocks.empty()) refuse("stage " + stage.name + " has no blocks");
        }
    } else {
        in_range(d.width, 16, 1024, "width");
        if (d.width % 16 != 0) refuse("width is " + std::to_string(d.width) + "; a multiple of 16 expected");
        if (d.depths.size() != 4) refuse("depths must be four numbers");
        for (int depth : d.depths) in_range(depth, d.family == Family::AfResNet ? 2 : 1, 64, "depths");
    }
}

}  // namespace

const std::vector<ModelDescription> &shipped_models() {
    static const std::vector<ModelDescription> models = {
        resnet("resnet50", Family::ResNet, false, {3, 4, 6, 3}, 8),
        resnet("resnet50_tsm", Family::ResNet, true, {3, 4, 6, 3}, 8),
        resnet("af_resnet50", Family::AfResNet, false, {3, 4, 6, 3}, 12),
        resnet("af_resnet50_tsm", Family::AfResNet, true, {3, 4, 6, 3}, 12),
        resnet("af_resnet101", Family::AfResNet, false, {4, 8, 18, 3}, 12),
        resnet("af_resnet101_tsm", Family::AfResNet, true, {4, 8, 18, 3}, 12),
        mobilenet(),
    };
    return models;
}

const ModelDescription &shipped_model(const std::string &name) {
    const auto &models = shipped_models();
    const auto found =
        std::find_if(models.begin(), models.end(), [&](const ModelDescription &d) { return d.name == name; });
    if (found == models.end()) throw UsageError("unknown model '" + name + "'; known are " + known_names());
    return *found;
}

std::string description_text(const ModelDescription &description) {
    return Json(description).dump();
}

ModelDescription parse_description(const std::string &text, const std::string &where) {
    ModelDescription description;
    try {
        description = Json::parse(text).get<ModelDescription>();
    } catch (const Json::exception &error) {
        throw Error(where + ": model description: " + error.what());
    }
    check(description, where);
    return description;
}

}  // namespace afnet
