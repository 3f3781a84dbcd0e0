// A checkpoint: everything that training needs to go on as if it had never stopped, in one file that is also a weights
// file.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/description.h"
#include "model/network_builder.h"
#include "model/weights.h"

namespace afnet {

/// Metadata keys of a checkpoint, beside those of a weights file.
constexpr const char *kTrainingKey = "afnet.training"; // the numbers of a TrainingState, JSON
constexpr const char *kConfigKey = "afnet.config";     // the run's resolved configuration

struct TrainingState {
    ModelDescription description;
    std::vector<std::string> labels;                      // empty, or one per class
    std::vector<ParameterInfo> shapes;                    // of `parameters`; empty: those that the description needs
    std::map<std::string, std::vector<float>> parameters; // the state_dict, by key, in PyTorch's order
    std::map<std::string, std::vector<float>> optimizer;  // its memory, `<key>.momentum` and so on

    int64_t epoch = 0;   // that runs, or is next: from 0
    int64_t batch = 0;   // of that epoch that is next
    int64_t step = 0;    // since training began
    int64_t updates = 0; // steps of these that changed the parameters: Adam counts them
    uint64_t seed = 1;   // with these positions it fixes every random number
    double best = 0;     // score so far, and the epoch that reached it
    int64_t best_epoch = -1;
    std::map<std::string, double> positions; // of schedules, and sums of the epoch that runs, by name
    std::string config;                      // text
    Unselected unselected = Unselected::Masked; // what the stage that runs gives to unselected frames
};

/// Writes a checkpoint: all of it, or nothing and the file that was there stays. The same state gives the same bytes.
/// Throws Error when a parameter is missing, superfluous, of another size or not finite, and when the file cannot be
/// written.
void save_training_state(const std::string &path, const TrainingState &state);

/// Reads it; every number has the bits that were saved. Throws Error for a file that load_model refuses, for a weights
/// file that is no checkpoint, and for numbers that no training leaves behind.
TrainingState load_training_state(const std::string &path);

} // namespace afnet
