#include "model/description.h"

#include <algorithm>
#include <functional>
#include <cctype>

#include "runtime/error.h"
#include "runtime/json.h"
#include "runtime/text.h"

namespace afnet {

using Json = nlohmann::json;

NLOHMANN_JSON_SERIALIZE_ENUM(Family, {{Family::ResNet, "resnet"},
                                      {Family::AfResNet, "af_resnet"},
                                      {Family::AfMobileNetV3, "af_mobilenetv3"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(InvertedResidual, kernel, in, hidden, out, stride, squeeze, activation)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(MobileStage, name, adaptive, blocks, fuse, attention_hidden)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ModelDescription, name, family, shift, frames, classes, size, width, depths,
                                                tail_channels, stages, last_channels, head_hidden)

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

// Of basic blocks, in the depths of torchvision's (AFNET_SPEC §11).
ModelDescription resnet34(const std::string &name, Family family, bool shift) {
    ModelDescription d = resnet(name, family, shift, {3, 4, 6, 3}, 8);
    d.block = Block::Basic;
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

// For the synthetic data sets (docs/data-sets.md): small enough to be trained on two cores in minutes.
ModelDescription tiny(bool shift) {
    ModelDescription d = resnet(shift ? "af_tiny_tsm" : "af_tiny", Family::AfResNet, shift, {3, 3, 3, 2}, 8);
    d.width = 16;
    d.tail_channels = 256;
    d.classes = 8;
    d.size = 64;
    return d;
}

std::string known_names() {
    std::string names;
    for (const ModelDescription &model : shipped_models()) names += (names.empty() ? "" : ", ") + model.name;
    return names;
}

// Names become parts of file names, and go to terminals.
bool is_plain_name(const std::string &name) {
    return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return std::isalnum(c) || c == '_' || c == '-' || c == '.';
    });
}

Json description_json(const ModelDescription &description) {
    Json json(description);
    for (const DescriptionChoice &choice : description_choices()) {
        const int index = choice.get(description);
        if (index != 0) json[choice.field] = choice.words[size_t(index)];
    }
    if (description.grid != ModelDescription().grid) json["grid"] = description.grid;
    return json;
}

// Takes the words that are known; others stay in `json`, where they are found to be superfluous.
void read_choices(Json &json, ModelDescription &description) {
    for (const DescriptionChoice &choice : description_choices()) {
        if (!json.contains(choice.field)) continue;
        const auto word = std::find(choice.words.begin(), choice.words.end(), json.at(choice.field));
        if (word == choice.words.begin()) json.erase(choice.field);
        if (word != choice.words.end()) choice.set(description, int(word - choice.words.begin()));
    }
}

// A number that is not the usual one is found to be superfluous as well, unless it is read here.
void read_grid(Json &json, ModelDescription &description) {
    if (!json.contains("grid")) return;
    if (json.at("grid").is_number_integer()) description.grid = json.at("grid").get<int>();
    if (json.at("grid") == ModelDescription().grid) json.erase("grid");
}

using Refuse = std::function<void(const std::string &)>;

void check_block(const InvertedResidual &block, int channels, const std::string &where, const Refuse &refuse) {
    const auto positive = [](int value) { return value >= 1 && value <= 1 << 14; };
    if (block.in != channels) {
        refuse(where + " reads " + std::to_string(block.in) + " channels; " + std::to_string(channels) + " expected");
    }
    if (!positive(block.hidden) || !positive(block.out)) refuse(where + ": hidden and out must be 1 to 16384");
    if (block.squeeze < 0 || block.squeeze > 1 << 14) refuse(where + ": squeeze must be 0 to 16384");
    if (block.kernel % 2 != 1 || block.kernel < 1 || block.kernel > 7) refuse(where + ": kernel must be 1, 3, 5 or 7");
    if (block.stride != 1 && block.stride != 2) refuse(where + ": stride must be 1 or 2");
    if (block.activation != "relu" && block.activation != "hswish") {
        refuse(where + ": activation must be relu or hswish");
    }
}

void check_masks(const ModelDescription &d, const Refuse &refuse) {
    if (!d.spatial() && d.grid != ModelDescription().grid) {
        refuse("grid is " + std::to_string(d.grid) + ", but masks are temporal");
    }
    if (d.shares_temporal_mask() && !d.temporal()) {
        refuse("temporal_masks is shared, but masks are spatial, so that there is none to share");
    }
    if (!d.spatial()) return;
    if (d.grid < 1 || d.grid > 64) refuse("grid is " + std::to_string(d.grid) + "; 1 to 64 expected");
    if (d.soft()) refuse("selection soft weighs whole frames; masks in space need selection hard");
    if (!d.patches_possible()) refuse("masks in space are there for af_resnet networks only");
}

void check_stages(const ModelDescription &d, const Refuse &refuse) {
    if (d.stages.empty() || d.stages.size() > 64) refuse("stages must be 1 to 64");
    int channels = d.width;
    for (const MobileStage &stage : d.stages) {
        if (!is_plain_name(stage.name)) refuse("a stage is named " + printable(stage.name) + "; plain letters expected");
        if (stage.blocks.empty() || stage.blocks.size() > 64) refuse("stage " + stage.name + " must have 1 to 64 blocks");
        const InvertedResidual &first = stage.blocks.front();
        if (stage.adaptive && first.stride == 1 && first.in == first.out) {
            refuse("stage " + stage.name + ": the first block of an adaptive stage must change size or channels");
        }
        if (stage.adaptive && stage.attention_hidden < 1) refuse("stage " + stage.name + " needs attention_hidden");
        for (const InvertedResidual &block : stage.blocks) {
            check_block(block, channels, "stage " + stage.name, refuse);
            channels = block.out;
        }
        if (stage.adaptive) {
            check_block(stage.fuse, channels, "fusion block of stage " + stage.name, refuse);
            channels = stage.fuse.out;
        }
    }
}

}  // namespace

void check_description(const ModelDescription &d, const std::string &where) {
    const auto refuse = [&](const std::string &what) { throw Error(where + ": model description: " + what); };
    const auto in_range = [&](int value, int least, int most, const char *field) {
        if (value < least || value > most) {
            refuse(std::string(field) + " is " + std::to_string(value) + "; " + std::to_string(least) + " to " +
                   std::to_string(most) + " expected");
        }
    };
    if (!is_plain_name(d.name)) {
        refuse("name is " + printable(d.name) + "; 1 to 64 letters, digits, `_`, `-` and `.` expected");
    }
    in_range(d.frames, 1, 256, "frames");
    in_range(d.classes, 1, 100000, "classes");
    in_range(d.size, 32, 2048, "size");
    if (!d.adaptive() && !ablation_text(d).empty()) {
        refuse(ablation_text(d) + ", but a network of this family has no focal blocks");
    }
    if (d.branches == Branches::Focal && d.fusion == Fusion::Addition) {
        refuse("fusion addition, but there is one branch only");
    }
    check_masks(d, refuse);
    if (d.family == Family::AfMobileNetV3) {
        if (d.block != Block::Bottleneck) refuse("block is basic, but only ResNets are made of these");
        in_range(d.last_channels, 1, 1 << 16, "last_channels");
        in_range(d.head_hidden, 1, 1 << 16, "head_hidden");
        in_range(d.width, 1, 1 << 14, "width");
        check_stages(d, refuse);
    } else {
        in_range(d.width, 16, 1024, "width");
        if (d.width % 16 != 0) refuse("width is " + std::to_string(d.width) + "; a multiple of 16 expected");
        if (d.depths.size() != 4) refuse("depths must be four numbers");
        in_range(d.tail_channels, 0, 1 << 14, "tail_channels");
        if (d.tail_channels % 16 != 0) {
            refuse("tail_channels is " + std::to_string(d.tail_channels) + "; a multiple of 16 expected");
        }
        for (int depth : d.depths) in_range(depth, d.family == Family::AfResNet ? 2 : 1, 64, "depths");
    }
}

const std::vector<ModelDescription> &shipped_models() {
    static const std::vector<ModelDescription> models = {
        resnet("resnet50", Family::ResNet, false, {3, 4, 6, 3}, 8),
        resnet("resnet50_tsm", Family::ResNet, true, {3, 4, 6, 3}, 8),
        resnet("af_resnet50", Family::AfResNet, false, {3, 4, 6, 3}, 12),
        resnet("af_resnet50_tsm", Family::AfResNet, true, {3, 4, 6, 3}, 12),
        resnet("af_resnet101", Family::AfResNet, false, {4, 8, 18, 3}, 12),
        resnet("af_resnet101_tsm", Family::AfResNet, true, {4, 8, 18, 3}, 12),
        resnet34("resnet34", Family::ResNet, false),
        resnet34("resnet34_tsm", Family::ResNet, true),
        resnet34("af_resnet34", Family::AfResNet, false),
        resnet34("af_resnet34_tsm", Family::AfResNet, true),
        mobilenet(),
        tiny(false),
        tiny(true),
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

const std::vector<DescriptionChoice> &description_choices() {
    static const std::vector<DescriptionChoice> all = {
        {"crop",
         {"evaluation", "whole"},
         [](const ModelDescription &d) { return int(d.crop); },
         [](ModelDescription &d, int index) { d.crop = Crop(index); }},
        {"block",
         {"bottleneck", "basic"},
         [](const ModelDescription &d) { return int(d.block); },
         [](ModelDescription &d, int index) { d.block = Block(index); }},
        {"selection",
         {"hard", "soft"},
         [](const ModelDescription &d) { return int(d.frame_choice); },
         [](ModelDescription &d, int index) { d.frame_choice = FrameChoice(index); }},
        {"fusion",
         {"dynamic", "addition"},
         [](const ModelDescription &d) { return int(d.fusion); },
         [](ModelDescription &d, int index) { d.fusion = Fusion(index); }},
        {"branches",
         {"both", "focal"},
         [](const ModelDescription &d) { return int(d.branches); },
         [](ModelDescription &d, int index) { d.branches = Branches(index); }},
        {"masks",
         {"temporal", "spatial", "both"},
         [](const ModelDescription &d) { return int(d.masks); },
         [](ModelDescription &d, int index) { d.masks = MaskKind(index); }},
        {"temporal_masks",
         {"per-block", "shared"},
         [](const ModelDescription &d) { return int(d.temporal_masks); },
         [](ModelDescription &d, int index) { d.temporal_masks = TemporalMasks(index); }},
    };
    return all;
}

void set_choice(ModelDescription &description, const std::string &field, const std::string &word) {
    for (const DescriptionChoice &choice : description_choices()) {
        if (field != choice.field) continue;
        const auto found = std::find(choice.words.begin(), choice.words.end(), word);
        if (found == choice.words.end()) {
            throw UsageError("unknown " + field + " " + printable(word) + "; " + join(choice.words) + " expected");
        }
        choice.set(description, int(found - choice.words.begin()));
        return;
    }
    throw UsageError("a model description has no choice of " + printable(field));
}

std::string ablation_text(const ModelDescription &description) {
    std::vector<std::string> parts;
    for (const DescriptionChoice &choice : description_choices()) {
        const int index = choice.get(description);
        const std::string field = choice.field;
        if (index == 0 || field == "crop" || field == "block") continue;
        parts.push_back(field + " " + choice.words[size_t(index)]);
    }
    if (description.grid != ModelDescription().grid) parts.push_back("grid " + std::to_string(description.grid));
    return join(parts);
}

std::string description_text(const ModelDescription &description) {
    return description_json(description).dump();
}

ModelDescription parse_description(const std::string &text, const std::string &where) {
    ModelDescription description;
    Json json, differences;
    try {
        json = Json::parse(text);
        // Fields that files of earlier versions lack.
        if (json.is_object() && !json.contains("tail_channels")) json["tail_channels"] = 0;
        description = json.get<ModelDescription>();
        read_choices(json, description);
        read_grid(json, description);
        // A field that is not known would be ignored, an unknown family taken for the first one, 16.5 for 16.
        differences = Json::diff(description_json(description), json);
    } catch (const Json::exception &error) {
        throw Error(where + ": model description: " + error.what());
    }
    for (const Json &difference : differences) {
        throw Error(where + ": model description: " + difference.at("path").dump() + " is " +
                    (difference.contains("value") ? difference.at("value").dump() : "missing") +
                    ", which this version does not know");
    }
    check_description(description, where);
    return description;
}

}  // namespace afnet
