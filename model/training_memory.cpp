#include "model/training_memory.h"

#include <algorithm>
#include <map>

#include "model/text_table.h"
#include "runtime/arena.h"
#include "runtime/json.h"
#include "runtime/json_text.h"
#include "runtime/text.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char *kGradientOf = "gradient of ";
constexpr size_t kDeepestNumber = 3; // of a key's components: `layer1.base_module.0`

// The block that a tensor's name begins with: up to its number, as `layer1.refine_module.0`; else two components of a
// module's, as `layer1.att_gen`; else one.
std::string layer_of(std::string name) {
    if (starts_with(name, kGradientOf)) name = name.substr(std::string(kGradientOf).size());
    size_t end = name.size(), parts = 0;
    for (size_t begin = 0; begin < name.size() && parts < kDeepestNumber; begin = end + 1) {
        end = std::min(name.find('.', begin), name.size());
        parts++;
        if (name.find_first_not_of("0123456789", begin) >= end) return name.substr(0, end);
        if (end == name.size()) break;
    }
    const size_t first = name.find('.');
    const bool module = starts_with(name, "layer") && first != std::string::npos;
    return name.substr(0, module ? name.find('.', first + 1) : first);
}

enum class Use { Activation, Gradient, Parameter, ParameterGradient, Optimizer, Input };

// By tensor, what is not an activation or an input.
std::map<TensorId, Use> uses_of(const TrainingPlan &training, const std::vector<TensorId> &optimizer) {
    std::map<TensorId, Use> uses;
    for (const TrainedParameter &parameter : training.parameters) {
        uses[parameter.value] = Use::Parameter;
        if (parameter.gradient != kNoTensor) uses[parameter.gradient] = Use::ParameterGradient;
    }
    for (const RunningStatistics &running : training.statistics)
        uses[running.mean] = uses[running.variance] = Use::Parameter;
    for (const TensorId id : optimizer)
        uses[id] = Use::Optimizer;
    return uses;
}

void count(LayerMemory &memory, Use use, size_t bytes) {
    switch (use) {
    case Use::Activation:
        memory.activations += bytes;
        break;
    case Use::Gradient:
        memory.gradients += bytes;
        break;
    case Use::Parameter:
        memory.parameters += bytes;
        break;
    case Use::ParameterGradient:
        memory.parameter_gradients += bytes;
        break;
    case Use::Optimizer:
        memory.optimizer += bytes;
        break;
    case Use::Input:
        memory.inputs += bytes;
        break;
    }
}

struct Column {
    const char *title, *field;
    size_t LayerMemory::*bytes;
};
constexpr Column kColumns[] = {{"activations", "activations", &LayerMemory::activations},
                               {"gradients", "gradients", &LayerMemory::gradients},
                               {"parameters", "parameters", &LayerMemory::parameters},
                               {"their gradients", "parameter_gradients", &LayerMemory::parameter_gradients},
                               {"optimiser", "optimizer", &LayerMemory::optimizer},
                               {"inputs", "inputs", &LayerMemory::inputs}};

std::string mebibytes(size_t bytes) {
    return decimal(double(bytes) / (1 << 20), 3);
}

} // namespace

TrainingMemory training_memory(const TrainingPlan &training, const std::vector<TensorId> &optimizer) {
    TrainingMemory memory;
    memory.arena = plan_arena(training.plan).bytes;
    const std::map<TensorId, Use> uses = uses_of(training, optimizer);
    std::map<std::string, size_t> rows;
    for (size_t i = 0; i < training.plan.tensors.size(); ++i) {
        const TensorInfo &tensor = training.plan.tensors[i];
        const auto known = uses.find(TensorId(i));
        const Use other = tensor.storage == Storage::Input        ? Use::Input
                          : starts_with(tensor.name, kGradientOf) ? Use::Gradient
                                                                  : Use::Activation;
        const Use use = known != uses.end() ? known->second : other;
        const std::string layer = layer_of(tensor.name);
        const auto [row, added] = rows.try_emplace(layer, memory.layers.size());
        if (added) memory.layers.push_back({layer});
        count(memory.layers[row->second], use, stored_bytes(tensor));
        count(memory.sum, use, stored_bytes(tensor));
    }
    return memory;
}

std::string memory_text(const std::string &stage, const TrainingMemory &memory) {
    std::vector<std::string> titles = {"MiB"};
    for (const Column &column : kColumns)
        titles.push_back(column.title);
    TextTable table(titles, "lrrrrrr");
    const auto add = [&](const std::string &name, const LayerMemory &row) {
        std::vector<std::string> cells = {name};
        for (const Column &column : kColumns)
            cells.push_back(mebibytes(row.*column.bytes));
        table.add(std::move(cells));
    };
    for (const LayerMemory &layer : memory.layers)
        add(layer.layer, layer);
    table.add_line();
    add("sum", memory.sum);
    return "stage " + stage + "\n" + table.text() + "activations and gradients share an arena of " +
           mebibytes(memory.arena) + " MiB, where alone they would take " + mebibytes(memory.sum.in_arena()) +
           "; with all else a step holds " + mebibytes(memory.total()) + " MiB\n";
}

std::string memory_json(const std::string &stage, const TrainingMemory &memory) {
    Json layers = Json::array();
    for (const LayerMemory &layer : memory.layers) {
        Json row = {{"layer", layer.layer}};
        for (const Column &column : kColumns)
            row[column.field] = layer.*column.bytes;
        layers.push_back(std::move(row));
    }
    return json_text(Json({{"stage", stage},
                           {"total_bytes", memory.total()},
                           {"arena_bytes", memory.arena},
                           {"layers", layers}})) +
           "\n";
}

} // namespace afnet
