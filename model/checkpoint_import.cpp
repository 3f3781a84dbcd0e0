#include "model/checkpoint_import.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "model/weights_file.h"
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/safetensors.h"
#include "runtime/text.h"
#include "runtime/torch_checkpoint.h"

namespace afnet {

namespace {

constexpr size_t kMostFaultsShown = 40;
constexpr const char *kKnownNetworks = "AF-ResNet, AF-MobileNetV3 or torchvision's bottleneck ResNet expected";

/// A state_dict under the network's own keys, and how it got there.
struct StateDict {
    std::map<std::string, TorchTensor> tensors;
    std::vector<std::string> faults;
    int shifted_blocks = 0;  // that TSM's wrapper marks

    bool has(const std::string &key) const { return tensors.count(key) > 0; }
    bool has_prefix(const std::string &prefix) const {
        const auto at = tensors.lower_bound(prefix);
        return at != tensors.end() && at->first.rfind(prefix, 0) == 0;
    }
    /// Extent `dimension` of a parameter; 0, which no network has, where there is none.
    int extent(const std::string &key, size_t dimension) const {
        const auto found = tensors.find(key);
        if (found == tensors.end() || found->second.shape.size() <= dimension) return 0;
        return int(std::min<int64_t>(found->second.shape[dimension], 1 << 30));
    }
    /// How many `<prefix><i>.…` there are, i counting from 0: the largest i and one, so that gaps are noticed.
    int count(const std::string &prefix) const {
        int most = 0;
        for (auto at = tensors.lower_bound(prefix); at != tensors.end() && at->first.rfind(prefix, 0) == 0; ++at) {
            const std::string index = at->first.substr(prefix.size(), at->first.find('.', prefix.size()) - prefix.size());
            const bool number = !index.empty() && index.size() < 5 &&
                                std::all_of(index.begin(), index.end(), [](char c) { return c >= '0' && c <= '9'; });
            if (number) most = std::max(most, std::stoi(index) + 1);
        }
        return most;
    }
};

std::vector<TorchTensor> read_safetensors(const std::string &path) {
    const SafetensorsFile file(path);
    if (file.metadata().count(kDescriptionKey)) {
        throw Error(path + ": is a weights file already; use it as it is, or import the checkpoint it was made from");
    }
    std::vector<TorchTensor> tensors;
    for (const SafetensorsTensor &tensor : file.tensors()) {
        tensors.push_back({tensor.name, tensor.dtype, tensor.shape, to_floats(tensor)});
    }
    return tensors;
}

// Which format it is follows from the first bytes: names say too many things (.pth, .pt, .tar, .bin).
std::vector<TorchTensor> read_tensors(const std::string &path) {
    const MappedFile file(path);
    const bool archive = file.size() >= 2 && std::memcmp(file.data(), "PK", 2) == 0;
    if (!archive && file.size() > 8 && file.data()[8] == '{') return read_safetensors(path);
    return read_torch_checkpoint(path);
}

std::string without_wrappers(std::string key) {
    for (const std::string prefix : {"module.", "base_model."}) {
        if (key.rfind(prefix, 0) == 0) return without_wrappers(key.substr(prefix.size()));
    }
    return key;
}

bool replace_end(std::string &text, const std::string &end, const std::string &by) {
    if (text.size() < end.size() || text.compare(text.size() - end.size(), end.size(), end) != 0) return false;
    text.replace(text.size() - end.size(), end.size(), by);
    return true;
}

StateDict state_dict_of(std::vector<TorchTensor> tensors) {
    StateDict state;
    for (TorchTensor &tensor : tensors) {
        std::string key = without_wrappers(tensor.name);
        if (replace_end(key, ".num_batches_tracked", "")) continue;
        if (key.rfind("new_fc.", 0) == 0) key = key.substr(4);
        // TSM's own repository puts a block's first convolution into a module that shifts.
        if (replace_end(key, ".conv1.net.weight", ".conv1.weight")) state.shifted_blocks++;
        const auto [other, added] = state.tensors.emplace(key, TorchTensor());
        if (!added) {
            state.faults.push_back(printable(tensor.name) + ": is " + key + " of the network, as is " +
                                   printable(other->second.name));
            continue;
        }
        other->second = std::move(tensor);
    }
    return state;
}

[[noreturn]] void refuse_unknown(const std::string &path, const StateDict &state) {
    if (state.has("layer1.0.conv2.weight") && !state.has("layer1.0.conv3.weight")) {
        throw Error(path + ": a ResNet of basic blocks of two convolutions, as ResNet-18 and ResNet-34; " + kKnownNetworks);
    }
    std::string keys;
    size_t shown = 0;
    for (auto at = state.tensors.begin(); at != state.tensors.end() && shown < 3; ++at, ++shown) {
        keys += (shown ? ", " : "") + printable(at->first);
    }
    throw Error(path + ": no network that is known here, with keys such as " + (keys.empty() ? "(none)" : keys) + "; " +
                kKnownNetworks);
}

int navigated_frames(const std::string &path, const StateDict &state) {
    for (const auto &[key, tensor] : state.tensors) {
        std::string end = key;
        if (replace_end(end, ".conv_gs.weight", "")) return state.extent(key, 0) / 2;
    }
    throw Error(path + ": has no list_gen parameters (navigation), as the authors' ImageNet backbones; import a "
                       "checkpoint of a network that was trained on videos");
}

ModelDescription recognise(const std::string &path, const StateDict &state) {
    ModelDescription d;
    std::string classifier = "fc.weight";
    if (state.has_prefix("features_")) {
        d = shipped_model("af_mobilenetv3_tsm");
        classifier = "fc.3.weight";
    } else if (state.has_prefix("layer1.refine_module.")) {
        d.family = Family::AfResNet;
        d.width = state.extent("conv1.weight", 0);
        d.depths.clear();
        for (const char *stage : {"layer1", "layer2", "layer3"}) {
            d.depths.push_back(state.count(std::string(stage) + ".refine_module.") + 1);
        }
        d.depths.push_back(state.count("layer4."));
    } else if (state.has("layer1.0.conv3.weight")) {
        d = shipped_model("resnet50");
        d.width = state.extent("conv1.weight", 0);
        d.depths.clear();
        for (const char *stage : {"layer1.", "layer2.", "layer3.", "layer4."}) d.depths.push_back(state.count(stage));
    } else {
        refuse_unknown(path, state);
    }
    if (d.adaptive()) d.frames = navigated_frames(path, state);
    if (!state.has(classifier)) throw Error(path + ": has no classifier, " + classifier + " or new_fc.weight");
    d.classes = state.extent(classifier, 0);
    return d;
}

bool same_structure(const ModelDescription &a, const ModelDescription &b) {
    return a.family == b.family && a.width == b.width && a.depths == b.depths;
}

std::string default_name(const ModelDescription &d) {
    for (const ModelDescription &shipped : shipped_models()) {
        if (same_structure(d, shipped) && d.shift == shipped.shift) return shipped.name;
    }
    std::string name = d.family == Family::AfResNet ? "af_resnet" : "resnet";
    for (int depth : d.depths) name += "_" + std::to_string(depth);
    return name + "_w" + std::to_string(d.width) + (d.shift ? "_tsm" : "");
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

void require_shift(const std::string &path, const ImportOptions &options, bool shift, const std::string &because) {
    if (!options.shift || *options.shift == shift) return;
    throw Error(path + ": --" + (*options.shift ? "" : "no-") + "shift, but " + because);
}

void decide_shift(const std::string &path, const StateDict &state, const ImportOptions &options, ImportedModel &model) {
    ModelDescription &d = model.description;
    int blocks = 0;
    for (int depth : d.depths) blocks += depth;
    if (state.shifted_blocks > 0 && d.family == Family::ResNet && state.shifted_blocks != blocks) {
        throw Error(path + ": TSM in " + std::to_string(state.shifted_blocks) + " of " + std::to_string(blocks) +
                    " blocks; networks here shift in every block or in none");
    }
    if (d.family == Family::AfMobileNetV3) {
        model.shift_reason = "AF-MobileNetV3 always shifts";
        require_shift(path, options, true, model.shift_reason);
    } else if (state.shifted_blocks > 0) {
        d.shift = true;
        model.shift_reason = "its keys have TSM's wrappers (conv1.net)";
        require_shift(path, options, true, model.shift_reason);
    } else if (options.shift) {
        d.shift = *options.shift;
        model.shift_reason = d.shift ? "--shift" : "--no-shift";
    } else if (!options.model.empty()) {
        d.shift = shipped_model(options.model).shift;
        model.shift_reason = "--model " + options.model;
    } else {
        guess_shift(path, model);
    }
}

// What the user says about the checkpoint against what it is.
void apply_options(const std::string &path, const ImportOptions &options, ModelDescription &d) {
    if (!options.model.empty()) {
        const ModelDescription &wanted = shipped_model(options.model);
        if (!same_structure(d, wanted)) {
            throw Error(path + ": is an " + structure_text(d) + "; --model " + options.model + " is an " +
                        structure_text(wanted));
        }
        if (d.shift != wanted.shift) {
            throw UsageError("--model " + options.model + (wanted.shift ? " shifts" : " does not shift") +
                             ", but the checkpoint " + (d.shift ? "does" : "does not") + "; choose the other one");
        }
    }
    if (options.frames) {
        if (d.adaptive() && d.frames != *options.frames) {
            throw Error(path + ": its navigation is for " + std::to_string(d.frames) + " frames; --frames says " +
                        std::to_string(*options.frames));
        }
        d.frames = *options.frames;
    }
    if (options.size) d.size = *options.size;
    d.name = options.name.empty() ? default_name(d) : options.name;
    parse_description(description_text(d), path);  // for its checks of ranges
}

void refuse_faults(const std::string &path, const ModelDescription &d, const std::vector<std::string> &faults) {
    if (faults.empty()) return;
    std::string text = path + ": looks like an " + structure_text(d) + ", T = " + std::to_string(d.frames) + ", " +
                       std::to_string(d.classes) + " classes, but " + std::to_string(faults.size()) +
                       (faults.size() == 1 ? " thing does" : " things do") + " not fit:";
    for (size_t i = 0; i < std::min(faults.size(), kMostFaultsShown); i++) text += "\n  " + faults[i];
    if (faults.size() > kMostFaultsShown) {
        text += "\n  and " + std::to_string(faults.size() - kMostFaultsShown) + " more";
    }
    throw Error(text);
}

}  // namespace

std::string structure_text(const ModelDescription &d) {
    if (d.family == Family::AfMobileNetV3) return "AF-MobileNetV3";
    std::string text = d.family == Family::AfResNet ? "AF-ResNet" : "ResNet";
    text += " of width " + std::to_string(d.width) + " with";
    for (int depth : d.depths) text += " " + std::to_string(depth);
    return text + " blocks";
}

ImportedModel import_checkpoint(const std::string &path, const ImportOptions &options) {
    StateDict state = state_dict_of(read_tensors(path));
    ImportedModel model;
    ModelDescription &d = model.description = recognise(path, state);
    decide_shift(path, state, options, model);
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
