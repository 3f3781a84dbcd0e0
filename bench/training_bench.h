// Training: every kernel of a network's training plan on the shapes that the plan gives it, and a whole step by kernel.
#pragma once

#include <string>
#include <vector>

#include "bench/machine_meter.h"
#include "bench/measure.h"
#include "runtime/plan.h"

namespace afnet {

struct TrainingBenchOptions {
    std::string model = "af_tiny_tsm"; // kernels of training are compiled for the tiny models alone, unless asked for
    int clips = 2, frames = 8, size = 112;
    std::vector<int> threads; // empty: as --threads before the subcommand says
    // Ratios of selected frames, and of patches of these: each pair is a row of whole steps, with masks that are given.
    // Without any, masks are learned and select everything.
    std::vector<double> ratios, patch_ratios;
    int grid = 7;                      // patches across and down, with `patch_ratios`
    std::string unselected = "masked"; // or sparse, as in a stage of training
    std::string filter = "*"; // of kernels' or layers' names, for rows: `*` any text, `?` any character
    double seconds = 0.1;     // per row, at the least
    int passes = 10;          // whole steps
    bool kernels = true;      // rows for kernels; else whole steps alone
};

/// What a step of a training plan is: `forward`, `grad_input` or `grad_weights` of a convolution, or `other`.
std::string training_part(const Step &step);

/// One kernel on one shape.
struct TrainingRow {
    std::string kernel, layer, part; // `layer`: the first step that runs it
    int count = 0;                   // steps that do
    std::string shape;               // as in bench/kernel_bench.h
    int threads = 0;
    Summary ms;
    double gmac = 0, bytes = 0;   // of one call; bytes: of all arguments, what is updated in place twice
    double peak_gmac_per_s = 0;   // median of the FMA peaks that were measured around its calls
    double percent_of_peak = 0;   // median over turns, each against the peaks before and after it
    double percent_of_memory = 0; // of the best bandwidth
    double gmac_per_s() const { return gmac / ms.median * 1e3; }
    double bytes_per_s() const { return bytes / ms.median * 1e3; }
};

/// All rows of a part, each as often as the plan runs it. `gradients` are both of convolutions.
struct TrainingSum {
    std::string part;
    int threads = 0;
    double ms = 0, gmac = 0, bytes = 0;
    double percent_of_peak = 0;   // the time that all MACs take at their peaks, of the time that they take
    double percent_of_memory = 0; // the same of bytes
};

/// A kernel's calls within whole steps: forward, backward and update.
struct TrainingKind {
    std::string generator;
    int calls = 0;
    double ms = 0; // median over steps of the sum of its calls
    double gmac = 0; // of what its lists select
};

struct TrainingPass {
    int threads = 0;
    double rt = 1, rs = 1; // of frames, and of patches of these; whole numbers of them
    Summary ms; // of whole steps
    double arena_mib = 0;
    std::vector<TrainingKind> kinds; // the longest first
};

struct TrainingBenchResult {
    MachineFigures machine;
    std::vector<TrainingRow> rows;
    std::vector<TrainingSum> sums;
    std::vector<TrainingPass> passes;
};

/// Runs steps of training on seeded numbers; then, with the first masks, stops in front of each kernel and shape that
/// was not seen before and calls it again and again, where it stands: its arguments hold what the pass left there, in
/// the plan's own memory. Throws UsageError for an unknown model and a filter that no kernel passes, Error where the
/// model's training kernels are missing.
TrainingBenchResult bench_training(const TrainingBenchOptions &options, const std::vector<int> &threads, bool quiet);

/// By threads and part, in the order of the rows' threads; parts without rows are left out.
std::vector<TrainingSum> sum_training(const std::vector<TrainingRow> &rows);

} // namespace afnet
