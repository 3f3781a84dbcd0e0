// Weights on disk: safetensors whose metadata carry the model's description, so that a file says what it is for.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/description.h"
#include "model/network_builder.h"
#include "model/weights.h"
#include "runtime/safetensors.h"

namespace afnet {

/// Metadata keys of a weights file.
constexpr const char *kDescriptionKey = "afnet.model";  // the description, as JSON
constexpr const char *kLabelsKey = "afnet.labels";      // optional: class names, one a line
constexpr const char *kUnselectedKey = "afnet.unselected"; // optional: what it was trained for, masked or skipped

/// What begins the names of tensors that only training needs (model/training_state.h); readers of weights pass over
/// them.
constexpr const char *kOptimizerPrefix = "optimizer.";

/// A model as the user named it: what it is, its weights, and the names of its classes.
struct LoadedModel {
    ModelDescription description;
    Weights weights;
    std::vector<std::string> labels;  // empty, or one per class
    std::string source;               // for people: the file, or which seed
    bool trained = true;              // false: weights by recipe, good for timing only
    Unselected unselected = Unselected::Masked; // what training gave to unselected frames
};

/// Models that come with weights, trained by this program on its own data sets (docs/training.md).
const std::vector<std::string> &trained_models();

/// `model`: one of trained_models(); a shipped description's name or a file with another one (*.json), for weights by the
/// recipe with `seed`, whose scores mean nothing; a weights file; or a run folder of `afnet train`. Checks that a weights
/// file holds every parameter that its description needs, in its shape and finite, and nothing else of that kind. Throws Error with one list of all that is wrong, UsageError for an unknown name.
LoadedModel load_model(const std::string &model, uint64_t seed = 1);

/// The same for a weights file that is open.
LoadedModel load_model(std::shared_ptr<const SafetensorsFile> file);

/// Throws Error where the model's weights are for clips of another number of frames than `frames`: an adaptive
/// network's navigation has weights for each frame.
void check_frames(const LoadedModel &model, int frames);

/// Writes a weights file. `parameters` are those of the lowered description, in its order.
void save_model(const std::string &path, const ModelDescription &description,
                const std::map<std::string, std::vector<float>> &parameters, const std::vector<std::string> &labels);

/// The metadata that say what a weights file is for. Throws Error for a label of several lines.
std::map<std::string, std::string> model_metadata(const ModelDescription &description,
                                                  const std::vector<std::string> &labels);

/// The parameters of a description, in the order of a weights file.
std::vector<ParameterInfo> needed_parameters(const ModelDescription &description);

/// What is wrong with a set of parameters for a description: missing, superfluous, of another shape, not finite; one
/// line each, empty when nothing is.
struct GivenParameter {
    std::vector<int64_t> shape;
    const std::vector<float> *values = nullptr;  // looked through for NaN and infinities when given
};
std::vector<std::string> parameter_faults(const ModelDescription &description,
                                          const std::map<std::string, GivenParameter> &given);

/// One message of all that is wrong: `intro`, then the faults, one a line; past 40 only how many more there are.
std::string fault_list(const std::string &intro, const std::vector<std::string> &faults);

}  // namespace afnet
