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
#include "model/device_option.h"
#include "runtime/kernel_library.h"

namespace afnet {

/// The mask that the navigation chooses on a clip, beside the patterns of bench/sparsity_masks.h.
constexpr const char *kClipMask = "clip";
/// The same for patches, beside the shapes of model/patch_shape.h.
constexpr const char *kLearnedPatches = "learned";
/// What a row says of frames where the network has no masks of them.
constexpr const char *kAllFrames = "all";

struct SparsityOptions {
    std::vector<std::string> models = {"af_resnet50_tsm"};
    std::vector<double> ratios = {0, 0.25, 0.4, 0.5, 0.8, 1};  // RT; 1 is measured in any case
    std::vector<std::string> masks;                            // patterns or kClipMask; empty: spread, or the clip's
    std::vector<double> patch_ratios;                          // RS; 1 is measured in any case. Empty: no sweep over it
    std::vector<int> grids;                                    // patches across and down; empty: 7
    std::vector<std::string> patches; // shapes or kLearnedPatches; empty: blob, where RS is swept
    std::string clip;                                          // video or folder of frames; empty: a made-up one
    RunChoices run;
    DeviceOptions device;
    int rounds = 30;
    double seconds = 60;  // per case, at the most, once three rounds are done
    uint64_t seed = 1;    // of random masks and of weights
};

/// One mask at one ratio, or at one ratio of frames and one of patches.
struct SparsityPoint {
    std::string mask;
    double rt = 1;           // as asked for; of a clip's masks: as realised
    double realised_rt = 1;  // mean over focal blocks
    std::string patches;     // shape of masks in space; empty: none
    int grid = 0;            // patches across and down; 0: none
    double rs = 1;           // as asked for; of learned masks: as realised
    double realised_rs = 1;  // part of the pixels of frames that are computed, mean over focal blocks
    Summary ms;
    double gmac = 0;
    SpeedupSpread speedup;  // of single rounds
    SparsityAccount account;

    bool spatial() const { return grid > 0; }
};

/// Points of which one ratio varies: RT of masks of frames alone, RS of masks in space.
struct SparsitySeries {
    std::string mask, patches;
    int grid = 0;
    double rt = 1; // of masks in space: that of all points
    std::vector<SparsityPoint> points;

    bool spatial() const { return grid > 0; }
    const char *ratio_name() const { return spatial() ? "RS" : "RT"; }
    /// The ratio that varies, as realised.
    double ratio(const SparsityPoint &point) const { return spatial() ? point.realised_rs : point.realised_rt; }
    /// `spread`; `spread, RT 0.400, blob 7x7`.
    std::string title() const;
    /// The time where all is selected, over `base_ms`, minus 1.
    double full_overhead(double base_ms) const;
    std::optional<double> break_even(double base_ms) const;
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
    /// The points in series: those of masks of frames alone first, then those of masks in space.
    std::vector<SparsitySeries> series() const;
    /// The series that share a picture: all of masks of frames alone; those of one shape and grid, with one mask of
    /// frames.
    std::vector<std::vector<SparsitySeries>> groups() const;
    /// What a series of masks in space saves time against: the same frames with all their pixels, and no masks in
    /// space. Of masks of frames: the network without masks.
    double base_ms(const SparsitySeries &series) const;
};

struct SparsityResult {
    MachineFigures machine;
    std::string target, unselected;
    int rounds = 0;
    uint64_t seed = 0;
    std::vector<SparsityCase> cases;
};

/// The kernels that all of it needs on a GPU. Throws as bench_sparsity().
std::vector<KernelSpec> sparsity_kernels(const SparsityOptions &options);

/// Measures all models on all shapes. Models are loaded, and options checked against them, before the first run. Throws
/// Error and UsageError where they do not fit, Interrupted after Ctrl-C.
SparsityResult bench_sparsity(const SparsityOptions &options, KernelStore &kernels, const std::vector<int> &threads,
                              bool quiet);

}  // namespace afnet
