// Whole networks over models, clips, threads, element types and ratios of selected frames.
#pragma once

#include <string>
#include <vector>

#include "bench/machine_meter.h"
#include "bench/measure.h"
#include "bench/run_options.h"
#include "model/device_option.h"

namespace afnet {

struct NetworkBenchOptions {
    std::vector<std::string> models = {"af_resnet50_tsm"};
    RunChoices run;
    DeviceOptions device;
    std::vector<double> ratios = {1, 0.8, 0.5, 0.4, 0.25, 0}; // RT; masks are forced. Static networks run once
    std::vector<double> patch_ratios; // RS; masks in space are forced. None: no masks in space
    int grid = 7;                     // patches of these across and down
    std::string patches = "blob";     // their shape (model/patch_shape.h)
    int rounds = 30;
    double seconds = 30; // per network, at the most, once three rounds are done
    bool layers = false; // also a row per step, of the first ratio
};

/// Part of a network: a stage, or a kind (bench/stages.h).
struct PartTime {
    std::string name;
    double ms = 0; // sum of its steps' medians
    double gmac = 0;
};

/// One combination.
struct NetworkRow {
    std::string model, dtype, target, unselected;
    std::string device; // as its driver calls it; empty: the CPU
    int vendor_steps = 0; // that ran kernels of cuDNN or cuBLASLt
    std::string mask; // which frames are selected: `spread` evenly, or `none` in static networks
    int frames = 0, size = 0, clips = 0, threads = 0;
    double rt = 1;          // as asked for
    double realised_rt = 1; // a whole number of frames
    std::string patches;    // shape of masks in space; empty: there are none
    int grid = 0;
    double rs = 1, realised_rs = 1; // as asked for; a whole number of patches
    Summary ms;             // per run
    double cores = 0;       // processors at work, on average
    double gmac = 0;        // computed
    double gmac_dense = 0;  // if all frames were selected
    double percent_of_peak = 0; // of the CPU; 0: another device computed
    double speedup = 0;   // over the same network's row at RT 1 and RS 1; 0: there is none
    double mac_ratio = 0; // MACs of that row over these; 0: there is none
    double arena_mib = 0;
    std::vector<PartTime> stages, kinds; // in the order in which they run first
};

struct LayerRow {
    std::string model, label, kernel;
    std::string vendor; // whose library has it, as KernelEntry::vendor says
    int threads = 0;
    double ms = 0, share = 0, gmac_per_s = 0, percent_of_peak = 0;
};

struct NetworkBenchResult {
    MachineFigures machine;
    std::vector<NetworkRow> rows; // those of one network stand together
    std::vector<LayerRow> layers;
};

/// The kernels of all networks that bench_networks() runs. Throws as lower().
std::vector<KernelSpec> bench_kernels(const NetworkBenchOptions &options);

/// Every combination, all ratios and numbers of threads of a network in turn, with the machine's peak between rounds.
NetworkBenchResult bench_networks(const NetworkBenchOptions &options, KernelStore &kernels,
                                  const std::vector<int> &threads, bool quiet);

}  // namespace afnet
