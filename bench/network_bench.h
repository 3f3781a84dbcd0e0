// Whole networks over models, sizes and realised ratios.
#pragma once

#include <string>
#include <vector>

#include "bench/measure.h"
#include "model/network.h"

namespace afnet {

struct NetworkBenchOptions {
    std::vector<std::string> models = {"af_resnet50_tsm"};
    std::vector<double> ratios = {1, 0.8, 0.5, 0.4, 0.25, 0};  // RT; masks are forced. Static networks run once
    int frames = 0, size = 224, clips = 1;  // frames 0: what the model is for
    std::string unselected = "masked";
    Dtype dtype = Dtype::F32;
    int rounds = 30;
    double seconds = 30;  // per model, at the most, once three rounds are done
    bool layers = false;  // also a row per step, of the first ratio
};

/// One line of a table.
struct NetworkRow {
    std::string model;
    int frames = 0, size = 0, clips = 0, threads = 0;
    double rt = 1;         // realised: a whole number of frames
    Summary ms;            // per run
    double gmac = 0;       // computed
    double peak_share = 0; // GMAC/s over the machine's peak, measured between the runs
    double speedup = 0;    // over the same model's row at RT 1; 0: there is none
    double mac_ratio = 0;  // MACs at RT 1 over these; 0: there is none
    double arena_mib = 0;
};

struct LayerRow {
    std::string model, label, kernel;
    double ms = 0, share = 0, gmac_per_s = 0, peak_share = 0;
};

struct NetworkBenchResult {
    double peak_gmac_per_s = 0;
    std::vector<NetworkRow> rows;
    std::vector<LayerRow> layers;
};

/// The mask that computes round(rt T) frames of each clip, spread evenly.
std::vector<int> spread_mask(int frames, int clips, double rt);

NetworkBenchResult bench_networks(const NetworkBenchOptions &options, KernelStore &kernels, int threads, bool quiet);

}  // namespace afnet
