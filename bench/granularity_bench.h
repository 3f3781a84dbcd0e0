// A study of patch sizes: focal blocks with masks in space on grids of several sizes, by lists and with all pixels
// computed, beside the network without masks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/granularity_costs.h"
#include "bench/machine_meter.h"
#include "bench/run_options.h"
#include "runtime/kernel_library.h"

namespace afnet {

struct GranularityOptions {
    std::vector<std::string> models = {"af_resnet50_tsm"};
    std::vector<int> grids = {2, 4, 7, 14, 28};        // blocks whose maps are smaller than a grid have no row of it
    std::vector<double> ratios = {0.25, 0.5, 0.75, 1}; // RS
    std::vector<std::string> patches = {"blob", "random"};
    RunChoices run;
    int rounds = 20;
    double seconds = 60; // per case, at the most, once three rounds are done
    uint64_t seed = 1;   // of masks, weights and the clip
};

/// One model on one shape.
struct GranularityCase {
    std::string model;
    int frames = 0, size = 0, batch = 0, threads = 0;
    size_t samples = 0;               // rounds
    double dense_ms = 0;              // median of the network without masks
    std::vector<GranularityRow> rows; // of stages, then of blocks
    std::string title() const;
};

struct GranularityResult {
    MachineFigures machine;
    std::string target, unselected;
    int rounds = 0;
    uint64_t seed = 0;
    std::vector<GranularityCase> cases;
};

/// Measures all models on all shapes; all frames are selected. Options are checked before the first run. Throws Error
/// and UsageError where they do not fit, Interrupted after Ctrl-C.
GranularityResult bench_granularity(const GranularityOptions &options, KernelStore &kernels,
                                    const std::vector<int> &threads, bool quiet);

} // namespace afnet
