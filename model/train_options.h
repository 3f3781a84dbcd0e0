// What `afnet train` may be told, and the recipe that follows from it.
#pragma once

#include <map>
#include <string>

#include "model/command_line.h"
#include "model/training_recipe.h"
#include "runtime/json.h"

namespace afnet {

struct TrainOptions {
    std::string model = "af_tiny_tsm", from, data, val, out, config, resume = "never", flip = "auto";
    int64_t least_frames = 3;
    int frames = 0, size = 0, classes = 0, grid = 0;
    uint64_t seed = 1;
    std::map<std::string, std::string> choices;  // of the model description, by field
    bool augment = false, strict = false, print_config = false, print_memory = false;
    int readers = 2, queue = 2, cache_mib = 256, save_every = 0, keep = 0, bad_steps = 10;
    nlohmann::ordered_json stage = nlohmann::ordered_json::object();  // fields of stages that options set
};

/// Adds all options to `app`; `options` must outlive it.
void add_train_options(CommandLine &app, TrainOptions &options);

/// Defaults, then the file of --config, then options. Throws as parse_recipe does.
TrainingRecipe resolved_recipe(const TrainOptions &options);

}  // namespace afnet
