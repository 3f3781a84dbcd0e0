#include "model/checkpoint_import.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <numeric>
#include <sstream>

#include "model/state_dict.h"
#include "model/weights_file.h"
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/text.h"

namespace afnet {

namespace {

constexpr const char *kKnownNetworks = "AF-ResNet, AF-MobileNetV3 or torchvision's ResNet expected";

[[noreturn]] void refuse_unknown(const StateDict &state) {
    std::string keys;
    size_t shown = 0;
    for (auto at = state.tensors.begin(); at != state.tensors.end() && shown < 3; ++at, ++shown) {
        keys += (shown ? ", " : "") + printable(at->second.name);
    }
    throw Error(state.path + ": no network that is known here, with keys such as " + (keys.empty() ? "(none)" : keys) +
                "; " + kKnownNetworks);
}

std::vector<std::string> keys_ending(const StateDict &state, const std::string &end) {
    std::vector<std::string> keys;
    for (const auto &[key, tensor] : state.tensors)
        if (ends_with(key, end)) keys.push_back(key);
    return keys;
}

// What masks there are, and T: a navigation of frames has two outputs for each of them. `first`: the prefix of the
// first block's, which is there alone where all blocks share a mask.
void recognise_masks(const StateDict &state, const std::string &first, const ImportOptions &options,
                     ModelDescription &d) {
    const std::string gate = ".conv_gs.weight";
    const std::vector<std::string> temporal = keys_ending(state, gate);
    const bool spatial = !keys_ending(state, ".spatial_navigation.conv2.weight").empty();
    if (temporal.empty() && !spatial) {
        throw Error(state.path +
                    ": has no list_gen parameters (navigation), as the authors' ImageNet backbones; import "
                    "a checkpoint of a network that was trained on videos");
    }
    if (spatial) d.masks = temporal.empty() ? MaskKind::Spatial : MaskKind::Both;
    if (spatial && options.grid) d.grid = *options.grid;
    if (!temporal.empty()) d.frames = state.extent(temporal.front(), 0, "the number of frames") / 2;
    if (temporal == std::vector<std::string>{first + gate}) d.temporal_masks = TemporalMasks::Shared;
}

// Of a block's key: a bottleneck has three convolutions, a basic block two.
Block block_of(const StateDict &state, const std::string &block) {
    return state.has(block + ".conv3.weight") ? Block::Bottleneck : Block::Basic;
}

ModelDescription af_resnet(const StateDict &state, const ImportOptions &options) {
    ModelDescription d;
    d.family = Family::AfResNet;
    d.block = block_of(state, "layer1.refine_module.0");
    d.width = state.extent("conv1.weight", 0, "the width");
    d.depths.clear();
    for (const std::string stage : {"layer1", "layer2", "layer3"}) {
        d.depths.push_back(state.count(stage + ".refine_module.") + 1);
    }
    d.depths.push_back(state.count("layer4."));
    recognise_masks(state, "layer1.list_gen.0", options, d);
    d.classes = state.extent("fc.weight", 0, "the number of classes (fc or new_fc)");
    return d;
}

ModelDescription resnet(const StateDict &state) {
    ModelDescription d = shipped_model("resnet50");
    d.block = block_of(state, "layer1.0");
    d.width = state.extent("conv1.weight", 0, "the width");
    d.depths.clear();
    for (const char *stage : {"layer1.", "layer2.", "layer3.", "layer4."}) d.depths.push_back(state.count(stage));
    d.classes = state.extent("fc.weight", 0, "the number of classes (fc or new_fc)");
    return d;
}

ModelDescription af_mobilenetv3(const StateDict &state, const ImportOptions &options) {
    ModelDescription d = shipped_model("af_mobilenetv3_tsm");
    recognise_masks(state, "list_gen2.0", options, d);
    d.classes = state.extent("fc.3.weight", 0, "the number of classes");
    return d;
}

ModelDescription recognised(const StateDict &state, const ImportOptions &options) {
    if (state.has_prefix("features_")) return af_mobilenetv3(state, options);
    if (state.has_prefix("layer1.refine_module.")) return af_resnet(state, options);
    if (state.has("layer1.0.conv2.weight")) return resnet(state);
    refuse_unknown(state);
}

bool same_structure(const ModelDescription &a, const ModelDescription &b) {
    return a.family == b.family && a.block == b.block && a.width == b.width && a.depths == b.depths;
}

std::string default_name(const ModelDescription &d) {
    for (const ModelDescription &shipped : shipped_models()) {
        if (same_structure(d, shipped) && d.shift == shipped.shift) return shipped.name;
    }
    std::string name = d.family == Family::AfResNet ? "af_resnet" : "resnet";
    if (d.block == Block::Basic) name += "_basic";
    for (int depth : d.depths) name += "_" + std::to_string(depth);
    return name + "_w" + std::to_string(d.width) + (d.shift ? "_tsm" : "");
}

// Refusals that need no look at the checkpoint.
void check_options(const ImportOptions &options) {
    const bool shifts = !options.model.empty() && shipped_model(options.model).shift;
    if (!options.model.empty() && options.shift && *options.shift != shifts) {
        throw UsageError("--model " + options.model +
                         (*options.shift ? " does not shift, --shift" : " shifts, --no-shift") +
                         " says otherwise; leave one of them out");
    }
    const bool plain = std::all_of(options.name.begin(), options.name.end(),
                                   [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-' || c == '.'; });
    if (!plain || options.name.size() > 64) {
        throw UsageError("--name " + printable(options.name) +
                         ": at most 64 letters, digits, `_`, `-` and `.` expected");
    }
}

std::string lower_case(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return char(std::tolower(c)); });
    return text;
}

void guess_shift(const std::string &path, ImportedModel &model) {
    const std::filesystem::path whole = std::filesystem::absolute(path);
    const std::string names = lower_case(whole.parent_path().filename().string() + "/" + whole.filename().string());
    model.shift_guessed = true;
    for (const std::string word : {"tsm", "shift"}) {
        if (names.find(word) == std::string::npos) continue;
        model.description.shift = true;
        model.shift_reason = "a guess, as the name of the file or of its folder has `" + word + "` in it";
        return;
    }
    model.description.shift = false;
    model.shift_reason = "a guess, as neither the name of the file nor that of its folder has `tsm` or `shift` in it";
}

// TSM that can be told from the keys. True where they settle the question.
bool visible_shift(const StateDict &state, ImportedModel &model) {
    const ModelDescription &d = model.description;
    const int blocks = std::accumulate(d.depths.begin(), d.depths.end(), 0);
    if (d.family == Family::AfMobileNetV3) {
        model.shift_reason = "AF-MobileNetV3 always shifts";
        return true;
    }
    if (state.shifted_blocks == 0) return false;
    if (state.shifted_blocks != blocks) {
        throw Error(state.path + ": TSM's wrapper (conv1.net) is around " + std::to_string(state.shifted_blocks) +
                    " of " + std::to_string(blocks) + " blocks; networks here shift in every block or in none");
    }
    model.shift_reason = "its keys have TSM's wrapper (conv1.net)";
    return true;
}

void decide_shift(const StateDict &state, const ImportOptions &options, ImportedModel &model) {
    std::optional<bool> asked = options.shift;
    std::string asking = asked ? (*asked ? "--shift" : "--no-shift") : "--model " + options.model;
    if (!asked && !options.model.empty()) asked = shipped_model(options.model).shift;

    if (visible_shift(state, model)) {
        model.description.shift = true;
        if (asked && !*asked) throw Error(state.path + ": " + asking + " is without shift, but " + model.shift_reason);
    } else if (asked) {
        model.description.shift = *asked;
        model.shift_reason = asking;
    } else {
        guess_shift(state.path, model);
    }
}

void require_model(const std::string &path, const ImportOptions &options, const ModelDescription &d) {
    if (options.model.empty()) return;
    const ModelDescription &wanted = shipped_model(options.model);
    if (same_structure(d, wanted)) return;
    throw Error(path + ": holds parameters of " + structure_text(d) + ", but --model " + options.model + " is " +
                structure_text(wanted));
}

void apply_options(const std::string &path, const ImportOptions &options, ModelDescription &d) {
    if (options.grid && !d.spatial())
        throw Error(path + ": --grid is for masks in space, of which it has no navigation");
    if (options.frames && d.adaptive() && d.temporal() && d.frames != *options.frames) {
        throw Error(path + ": its navigation is for " + std::to_string(d.frames) + " frames, but --frames says " +
                    std::to_string(*options.frames));
    }
    if (options.frames) d.frames = *options.frames;
    if (options.size) d.size = *options.size;
    d.name = options.name.empty() ? default_name(d) : options.name;
    parse_description(description_text(d), path);  // checks ranges
}

void refuse_faults(const std::string &path, const ModelDescription &d, const std::vector<std::string> &faults) {
    if (faults.empty()) return;
    throw Error(fault_list(path + ": looks like " + structure_text(d) + ", T = " + std::to_string(d.frames) + ", " +
                               std::to_string(d.classes) + " classes, but " + std::to_string(faults.size()) +
                               (faults.size() == 1 ? " thing does" : " things do") + " not fit:",
                           faults));
}

}  // namespace

std::string structure_text(const ModelDescription &d) {
    if (d.family == Family::AfMobileNetV3) return "AF-MobileNetV3";
    std::string text = d.family == Family::AfResNet ? "AF-ResNet" : "ResNet";
    text += " of width " + std::to_string(d.width) + " with";
    for (int depth : d.depths) text += " " + std::to_string(depth);
    return text + (d.block == Block::Basic ? " basic blocks" : " blocks");
}

ImportedModel import_checkpoint(const std::string &path, const ImportOptions &options) {
    check_options(options);
    StateDict state = read_state_dict(path);
    ImportedModel model;
    ModelDescription &d = model.description = recognised(state, options);
    require_model(path, options, d);
    decide_shift(state, options, model);
    apply_options(path, options, d);

    std::map<std::string, GivenParameter> given;
    for (const auto &[key, tensor] : state.tensors) given[key] = {tensor.shape, &tensor.values};
    std::vector<std::string> faults = parameter_faults(d, given);
    faults.insert(faults.begin(), state.faults.begin(), state.faults.end());
    if (!options.labels.empty() && options.labels.size() != size_t(d.classes)) {
        faults.push_back("labels: " + std::to_string(options.labels.size()) + " given; " + std::to_string(d.classes) +
                         " expected");
    }
    refuse_faults(path, d, faults);
    for (auto &[key, tensor] : state.tensors) model.parameters[key] = std::move(tensor.values);
    return model;
}

std::vector<std::string> read_labels(const std::string &path) {
    std::vector<std::string> labels;
    std::istringstream lines(read_file(path, size_t(1) << 26));
    for (std::string line; std::getline(lines, line);) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        const std::string where = path + ": line " + std::to_string(labels.size() + 1);
        if (line.empty()) throw Error(where + " is empty; one class name a line expected");
        if (!is_utf8(line)) throw Error(where + " is not UTF-8: " + printable(line));
        labels.push_back(line);
    }
    if (labels.empty()) throw Error(path + ": no class names in it; one a line expected");
    return labels;
}

}  // namespace afnet
