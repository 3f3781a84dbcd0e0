// What is tuned: a kernel with every place where the chosen networks run it. Kernels are generic in columns, rows and
// frames, and one record serves all places, so it is their time together that counts.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "model/description.h"
#include "model/lowering.h"

namespace afnet {

/// Steps of a network that run a kernel on the same shapes, for the same number of frames.
struct Occurrence {
    ModelDescription model;
    RunShape run;
    size_t step = 0;   // the first such step of the network's plan
    int frames = 0;    // that masks select
    double rs = 1;     // of masks in space, where the run has them: ratio of the patches of these
    int selected = -1; // frames, points or tiles on the step's list; -1: it has none
    double weight = 1; // how many such steps there are, over all models, in a run at one ratio
    double gmac = 0;   // of one such step
    std::string label; // the first such step's
    std::string shape; // for people and logs: `[64, 56, 56, 12] -> [64, 56, 56, 12], 5 selected`
};

struct Workload {
    KernelSpec kernel;
    std::vector<Occurrence> occurrences; // at least one

    /// GMACs of all occurrences, as often as they occur.
    double gmac() const;
    /// What measurements of this workload have in common, whichever models it came from: shapes, counts and weights.
    nlohmann::ordered_json shapes() const;
};

/// Networks as they are run. Several ratios of selected frames, and of their patches, weigh alike, each with each.
struct Runs {
    std::vector<ModelDescription> models;
    int frames = 0, size = 224; // frames 0: what each model is for
    std::vector<double> ratios = {0.4};
    std::vector<double> patch_ratios; // not empty: with masks in space, of patches at random
    int grid = 7;                     // of these
    Dtype dtype = Dtype::F32; // of activations
    Target target;            // whose kernels run; by default some CPU's
};

/// The kernels of all networks' plans whose names match one of `globs`, by name. Steps that compute no frame at a ratio
/// do not count. Throws Error for a run that a network cannot take, UsageError where nothing matches.
std::vector<Workload> workloads(const Runs &runs, const std::vector<std::string> &globs);

/// Occurrences as the measuring process is told them.
nlohmann::ordered_json occurrence_json(const Occurrence &occurrence);
Occurrence occurrence_from(const nlohmann::ordered_json &json);

} // namespace afnet
