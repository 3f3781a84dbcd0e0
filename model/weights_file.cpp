#include "model/weights_file.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <sstream>

#include "model/lowering.h"
#include "model/run_folder.h"
#include "runtime/error.h"
#include "runtime/parallel_for.h"
#include "runtime/safetensors.h"
#include "runtime/text.h"

namespace afnet {

namespace {

constexpr size_t kMostFaultsShown = 40;
constexpr size_t kReleasedBytes = size_t(1) << 17;

std::vector<std::string> lines(const std::string &text) {
    std::vector<std::string> result;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) result.push_back(line);
    return result;
}

}  // namespace

std::vector<ParameterInfo> needed_parameters(const ModelDescription &description) {
    RunShape shape;
    shape.frames = description.frames;
    return lower(description, shape).parameters;
}

LoadedModel load_model(std::shared_ptr<const SafetensorsFile> file) {
    const std::string &path = file->file().path();
    const auto &metadata = file->metadata();
    const auto described = metadata.find(kDescriptionKey);
    if (described == metadata.end()) {
        throw Error(path + ": its metadata have no " + kDescriptionKey +
                    "; a weights file made by `afnet import` is expected");
    }
    LoadedModel model;
    model.description = parse_description(described->second, path);
    model.source = path;
    if (const auto labels = metadata.find(kLabelsKey); labels != metadata.end()) {
        model.labels = lines(labels->second);
        if (model.labels.size() != size_t(model.description.classes)) {
            throw Error(path + ": names " + std::to_string(model.labels.size()) + " classes; " +
                        std::to_string(model.description.classes) + " expected");
        }
    }
    if (const auto unselected = metadata.find(kUnselectedKey); unselected != metadata.end()) {
        const auto known = unselected_named(unselected->second);
        if (!known) {
            throw Error(path + ": " + kUnselectedKey + " is " + printable(unselected->second) +
                        "; masked or skipped expected");
        }
        model.unselected = *known;
    }
    std::vector<SafetensorsTensor> tensors;
    for (const SafetensorsTensor &tensor : file->tensors()) {
        if (tensor.name.rfind(kOptimizerPrefix, 0) != 0) tensors.push_back(tensor);
    }
    std::vector<size_t> bad(tensors.size());
    parallel_for(tensors.size(), [&](size_t i) { bad[i] = first_not_finite(tensors[i]); });
    std::map<std::string, GivenParameter> given;
    std::vector<std::string> faults;
    for (size_t i = 0; i < tensors.size(); i++) {
        given[tensors[i].name].shape = tensors[i].shape;
        if (bad[i] == tensors[i].bytes / element_bytes(tensors[i].dtype)) continue;
        faults.push_back(printable(tensors[i].name) + ": element " + std::to_string(bad[i]) + " is not finite");
    }
    const auto misfits = parameter_faults(model.description, given);
    faults.insert(faults.begin(), misfits.begin(), misfits.end());
    if (!faults.empty()) {
        const std::string verb = faults.size() == 1 ? " parameter does" : " parameters do";
        throw Error(fault_list(path + ": " + std::to_string(faults.size()) + verb + " not fit the model:", faults));
    }
    model.weights = [file](const ParameterInfo &p) {
        const SafetensorsTensor *tensor = file->find(p.key);
        if (!tensor || tensor->shape != p.shape) throw Error(file->file().path() + ": no " + p.key);
        std::vector<float> values = to_floats(*tensor);
        // Parameters are read once, as a rule; small ones are not worth a call.
        if (tensor->bytes >= kReleasedBytes) file->file().release_pages(tensor->data, tensor->bytes);
        return values;
    };
    return model;
}

std::vector<std::string> parameter_faults(const ModelDescription &description,
                                          const std::map<std::string, GivenParameter> &given) {
    std::vector<std::string> faults;
    std::map<std::string, bool> known;
    for (const ParameterInfo &needed : needed_parameters(description)) {
        known[needed.key] = true;
        const auto found = given.find(needed.key);
        if (found == given.end()) {
            faults.push_back(printable(needed.key) + ": missing; " + shape_text(needed.shape) + " expected");
        } else if (found->second.shape != needed.shape) {
            faults.push_back(printable(needed.key) + ": is " + shape_text(found->second.shape) + "; " +
                             shape_text(needed.shape) + " expected");
        } else if (found->second.values) {
            const auto &values = *found->second.values;
            const auto bad = std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
            if (bad == values.end()) continue;
            faults.push_back(printable(needed.key) + ": element " + std::to_string(bad - values.begin()) +
                             " is not finite");
        }
    }
    for (const auto &[key, parameter] : given) {
        if (known.count(key)) continue;
        faults.push_back(printable(key) + ": " + shape_text(parameter.shape) + " is no part of the model");
    }
    return faults;
}

void check_frames(const LoadedModel &model, int frames) {
    const int fixed = model.description.frames;
    if (!model.trained || !model.description.adaptive() || frames == fixed) return;
    throw Error(model.source + ": its weights are for clips of " + std::to_string(fixed) + " frames; --frames " +
                std::to_string(frames) + " asks for another number, for which the navigation has no weights");
}

std::string fault_list(const std::string &intro, const std::vector<std::string> &faults) {
    std::string text = intro;
    for (size_t i = 0; i < std::min(faults.size(), kMostFaultsShown); i++) text += "\n  " + faults[i];
    if (faults.size() <= kMostFaultsShown) return text;
    return text + "\n  and " + std::to_string(faults.size() - kMostFaultsShown) + " more";
}

const std::vector<std::string> &trained_models() {
    static const std::vector<std::string> names = {"key_stripe", "motion_pairs"};
    return names;
}

LoadedModel load_model(const std::string &named, uint64_t seed) {
    const auto &trained = trained_models();
    const bool ships = std::find(trained.begin(), trained.end(), named) != trained.end();
    const std::string model = ships ? std::string(AFNET_TRAINED_MODELS) + "/" + named + ".safetensors" : checkpoint_of(named);
    std::error_code ignored;  // a name too long for a file is no file
    if (std::filesystem::exists(model, ignored)) return load_model(std::make_shared<SafetensorsFile>(model));
    LoadedModel loaded;
    if (model.find('/') != std::string::npos || std::filesystem::path(model).has_extension()) {
        throw Error(model + ": no such file; a weights file or the name of a model is expected");
    }
    loaded.description = shipped_model(model);
    loaded.weights = recipe_weights(seed);
    loaded.source = "weights drawn from seed " + std::to_string(seed);
    loaded.trained = false;
    return loaded;
}

void save_model(const std::string &path, const ModelDescription &description,
                const std::map<std::string, std::vector<float>> &parameters, const std::vector<std::string> &labels) {
    std::vector<SafetensorsTensor> tensors;
    for (const ParameterInfo &needed : needed_parameters(description)) {
        const std::vector<float> &values = parameters.at(needed.key);
        tensors.push_back({needed.key, "F32", needed.shape, reinterpret_cast<const unsigned char *>(values.data()),
                           values.size() * sizeof(float)});
    }
    write_safetensors(path, tensors, model_metadata(description, labels));
}

std::map<std::string, std::string> model_metadata(const ModelDescription &description,
                                                  const std::vector<std::string> &labels) {
    std::map<std::string, std::string> metadata = {{kDescriptionKey, description_text(description)}};
    for (const std::string &label : labels) {
        if (label.find('\n') != std::string::npos) {
            throw Error("the class name " + printable(label) + " has several lines; one expected");
        }
        metadata[kLabelsKey] += label + "\n";
    }
    return metadata;
}

}  // namespace afnet
