// A study of dynamic sparsity: the same network with forced masks and without masks, in turn.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/machine_meter.h"
#include "bench/measure.h"
#include "bench/run_options.h"
#include "bench/sparsity_share.h"
#include "runtime/kernel_library.h"

namespace afnet {

/// The mask that the navigation chooses on a clip, beside the patterns of bench/sparsity_masks.h.
constexpr const char *kClipMask = "clip";

struct SparsityOptions {
    std::vector<std::string> models = {"af_resnet50_tsm"};
    std::vector<double> ratios = {0, 0.25, 0.4, 0.5, 0.8, 1};  // RT; 1 is measured in any case
    std::vector<std::string> masks;                            // patterns or kClipMask; empty: spread, or the clip's
    std::string clip;                                          // video or folder of frames; empty: a made-up one
    RunChoices run;
    int rounds = 30;
    double seconds = 60;  // per case, at the most, once three rounds are done
    uint64_t seed = 1;    // of random masks and of weights
};

/// One mask at one ratio.
struct SparsityPoint {
    std::string mask;
    double rt = 1;           // as asked for; of a clip's masks: as realised
    double realised_rt = 1;  // mean over focal blocks
    Summary ms;
    double gmac = 0;
    SpeedupSpread speedup;  // of single rounds
    SparsityAccount account;
};

/// One kernel in one network, all steps that call it taken together.
struct KernelRate {
    std::string kernel;
    bool masked = false;  // in the network with masks, at ratio 1; else in the one without
    int count = 0;
    double ms = 0, gmac_per_s = 0, bytes_per_s = 0;
    double macs_per_byte = 0;  // of what it must move at the least
};

/// One model on one shape: what is measured in turn, and so can be compared.
struct SparsityCase {
    std::string model, dtype = "f32";
    int frames = 0, size = 0, batch = 0, threads = 0;
    PeakFigures peak;  // of its threads, measured in every round
    Summary dense_ms;  // without masks
    double gmac_dense = 0;
    std::vector<SparsityPoint> points;
    std::vector<KernelRate> kernels;

    /// What is said of it in titles.
    std::string title() const;
    /// The names of the masks, each once.
    std::vector<std::string> masks() const;
    /// The points of one mask.
    std::vector<SparsityPoint> points_of(const std::string &mask) const;
    /// The time at ratio 1 over that without masks, minus 1.
    double full_ratio_overhead(const std::string &mask) const;
    std::optional<double> break_even(const std::string &mask) const;
};

struct SparsityResult {
    MachineFigures machine;
    std::string target, unselected;
    int rounds = 0;
    uint64_t seed = 0;
    std::vector<SparsityCase> cases;
};

/// Measures all models on all shapes. Models are loaded, and options checked against them, before the first run. Throws
/// Error and UsageError where they do not fit, Interrupted after Ctrl-C.
SparsityResult bench_sparsity(const SparsityOptions &options, KernelStore &kernels, const std::vector<int> &threads,
                              bool quiet);

}  // namespace afnet
