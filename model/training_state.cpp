#include "model/training_state.h"

#include <cmath>
#include <limits>
#include <memory>

#include "model/weights_file.h"
#include "runtime/error.h"
#include "runtime/json.h"
#include "runtime/safetensors.h"
#include "runtime/text.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char *kFormat = "afnet-training/1";

SafetensorsTensor tensor_of(const std::string &name, std::vector<int64_t> shape, const std::vector<float> &values) {
    return {name, "F32", std::move(shape), reinterpret_cast<const unsigned char *>(values.data()),
            values.size() * sizeof(float)};
}

void check_parameters(const std::string &path, const TrainingState &state, const std::vector<ParameterInfo> &shapes) {
    std::map<std::string, GivenParameter> given;
    for (const ParameterInfo &info : shapes) {
        const auto found = state.parameters.find(info.key);
        if (found == state.parameters.end()) continue;
        int64_t elements = 1;
        for (const int64_t extent : info.shape)
            elements *= extent;
        const bool fits = elements == int64_t(found->second.size());
        given[info.key] = {fits ? info.shape : std::vector<int64_t>{int64_t(found->second.size())}, &found->second};
    }
    for (const auto &[key, values] : state.parameters)
        given.try_emplace(key, GivenParameter{{int64_t(values.size())}, nullptr});
    const std::vector<std::string> faults = parameter_faults(state.description, given);
    if (!faults.empty()) throw Error(fault_list(path + ": cannot save, the parameters do not fit the model:", faults));
}

// JSON has no number for what is not finite.
Json number(double value) {
    if (std::isfinite(value)) return value;
    return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

double number_in(const Json &value) {
    if (value.is_number()) return value.get<double>();
    const auto text = value.get<std::string>();
    if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
    if (text != "inf" && text != "-inf") throw Error("a number is " + printable(text));
    return (text == "inf" ? 1 : -1) * std::numeric_limits<double>::infinity();
}

std::string numbers_text(const TrainingState &state) {
    Json json = {{"format", kFormat},          {"epoch", state.epoch},           {"batch", state.batch},
                 {"step", state.step},         {"updates", state.updates},       {"seed", state.seed},
                 {"best", number(state.best)}, {"best_epoch", state.best_epoch}, {"positions", Json::object()}};
    for (const auto &[name, position] : state.positions)
        json["positions"][name] = number(position);
    return json.dump();
}

int64_t count_in(const Json &json, const char *field, int64_t least) {
    const Json &value = json.at(field);
    const bool beyond =
        value.is_number_unsigned() && value.get<uint64_t>() > uint64_t(std::numeric_limits<int64_t>::max());
    if (!value.is_number_integer() || beyond || value.get<int64_t>() < least) {
        throw Error(std::string(field) + " is " + value.dump());
    }
    return value.get<int64_t>();
}

void parse_numbers(const std::string &text, TrainingState &state) {
    const Json json = Json::parse(text);
    if (const auto format = json.at("format").get<std::string>(); format != kFormat) {
        throw Error("its format is " + printable(format) + "; " + kFormat + " expected");
    }
    state.epoch = count_in(json, "epoch", 0);
    state.batch = count_in(json, "batch", 0);
    state.step = count_in(json, "step", 0);
    state.updates = count_in(json, "updates", 0);
    if (!json.at("seed").is_number_unsigned()) throw Error("seed is " + json.at("seed").dump());
    state.seed = json.at("seed").get<uint64_t>();
    state.best = number_in(json.at("best"));
    state.best_epoch = count_in(json, "best_epoch", -1);
    for (const auto &[name, position] : json.at("positions").items())
        state.positions[name] = number_in(position);
}

void load_optimizer(const SafetensorsFile &file, TrainingState &state) {
    const std::string prefix = kOptimizerPrefix;
    for (const SafetensorsTensor &tensor : file.tensors()) {
        if (tensor.name.rfind(prefix, 0) != 0) continue;
        if (tensor.dtype != "F32") throw Error(printable(tensor.name) + " is " + tensor.dtype + "; F32 expected");
        state.optimizer[tensor.name.substr(prefix.size())] = to_floats(tensor);
    }
}

} // namespace

void save_training_state(const std::string &path, const TrainingState &state) {
    const std::vector<ParameterInfo> shapes =
        state.shapes.empty() ? needed_parameters(state.description) : state.shapes;
    check_parameters(path, state, shapes);
    std::vector<SafetensorsTensor> tensors;
    for (const ParameterInfo &info : shapes) {
        tensors.push_back(tensor_of(info.key, info.shape, state.parameters.at(info.key)));
    }
    for (const auto &[name, values] : state.optimizer) {
        tensors.push_back(tensor_of(kOptimizerPrefix + name, {int64_t(values.size())}, values));
    }
    std::map<std::string, std::string> metadata = model_metadata(state.description, state.labels);
    metadata[kTrainingKey] = numbers_text(state);
    metadata[kConfigKey] = state.config;
    if (state.unselected == Unselected::Skipped) metadata[kUnselectedKey] = unselected_name(state.unselected);
    write_safetensors(path, tensors, metadata);
}

TrainingState load_training_state(const std::string &path) {
    const auto file = std::make_shared<const SafetensorsFile>(path);
    const LoadedModel model = load_model(file);
    const auto numbers = file->metadata().find(kTrainingKey), config = file->metadata().find(kConfigKey);
    if (numbers == file->metadata().end()) {
        throw Error(path + ": weights alone, without the state of their training; a checkpoint that `afnet train` " +
                    "wrote is expected");
    }
    TrainingState state;
    state.description = model.description;
    state.labels = model.labels;
    state.unselected = model.unselected;
    state.shapes = needed_parameters(model.description);
    for (const ParameterInfo &info : state.shapes)
        state.parameters[info.key] = model.weights(info);
    if (config != file->metadata().end()) state.config = config->second;
    try {
        parse_numbers(numbers->second, state);
        load_optimizer(*file, state);
    } catch (const std::exception &fault) {
        throw Error(path + ": its training state cannot be read: " + fault.what());
    }
    return state;
}

} // namespace afnet
