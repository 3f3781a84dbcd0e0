// The kernels of a network, each by itself on every shape that the network runs it on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/machine_meter.h"
#include "bench/measure.h"
#include "bench/run_options.h"

namespace afnet {

struct KernelBenchOptions {
    std::string model = "af_resnet50_tsm";
    RunChoices run;
    double rt = 1;                    // part of the frames that listed kernels compute
    std::optional<double> rs;         // with masks in space: part of the patches of these, at random
    int grid = 7;                     // of these
    bool without_masks = false;       // focal blocks as plain kernels of all frames (RunShape::without_masks)
    std::vector<std::string> targets; // of CPUs and of devices; empty: the one that this CPU uses
    VendorPolicy vendor;              // of those of CUDA
    std::string filter = "*";         // of kernels' or layers' names: `*` any text, `?` any character
    double seconds = 0.3;             // per row, at the least
    bool cold = false;                // also with nothing in the caches
};

/// What rows that may be added up have in common.
struct KernelSetting {
    std::string model, dtype, target;
    std::string device; // that a GPU target's kernels run on, as its driver calls it; empty: the CPU
    std::string caches; // `warm`, or `cold`: swept before each call
    int frames = 0, size = 0, clips = 0, threads = 0;
    double rt = 1;
    double rs = 1; // of masks in space
    int grid = 0;  // 0: none
};
bool operator==(const KernelSetting &a, const KernelSetting &b);

/// One kernel on one shape.
struct KernelRow {
    KernelSetting setting;
    std::string kernel, layer; // the first layer that runs it
    std::string vendor;        // whose library has it, as KernelEntry::vendor says
    int count = 0;             // layers that do
    std::string shape;         // what it reads -> what it writes, innermost extents first
    bool convolution = false;  // and not the stem
    Summary ms;
    double cores = 0;
    double gmac = 0, bytes = 0; // of one call; bytes: what it must move at the least
    double percent_of_peak = 0, percent_of_memory = 0; // of a CPU; not known of a device
    double gmac_per_s() const { return gmac / ms.median * 1e3; }
    double bytes_per_s() const { return bytes / ms.median * 1e3; }
};

/// All convolutions but the stem, each as often as the network runs it; the measure that dense kernels are held to.
struct ConvolutionSum {
    KernelSetting setting;
    double ms = 0, gmac = 0;
    // Of a CPU's peak: sum of MACs over sum of times, and the least of any single one.
    double percent_of_peak = 0, least_percent = 0;
    std::string least_kernel, least_layer;
};

struct KernelBenchResult {
    MachineFigures machine;
    std::vector<KernelRow> rows;
    std::vector<ConvolutionSum> convolutions;
};

/// Measures all combinations. Throws UsageError for an unknown model or target, a filter that no kernel passes, and
/// vendors' kernels for a target that is none of CUDA,
/// Error for a target that does not run here, a device that is not there, or cold caches of a device.
KernelBenchResult bench_kernels(const KernelBenchOptions &options, const std::vector<int> &threads, bool quiet);

/// Sums over the convolutions of rows that differ in nothing but the kernel.
std::vector<ConvolutionSum> sum_convolutions(const std::vector<KernelRow> &rows);

/// The first step of a kernel and shape, and how many steps there are of it.
struct DistinctStep {
    size_t index = 0;
    int count = 0;
};
/// Each kernel and shape once, in the order of the plan, of the steps whose kernel or layer the filter passes.
std::vector<DistinctStep> distinct_steps(const Plan &plan, const std::string &filter = "*");

/// What a step reads first -> what it writes last, innermost extents first.
std::string shape_text(const Plan &plan, const Step &step);

}  // namespace afnet
