#include "bench/network_bench.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "model/machine.h"
#include "model/progress.h"
#include "model/weights_file.h"
#include "runtime/error.h"

namespace afnet {

namespace {

void force_ratio(Network &network, double rt) {
    const std::vector<int> mask = spread_mask(network.shape().frames, network.shape().clips, rt);
    for (size_t b = 0; b < network.lowered().selections.size(); b++) network.force_mask(b, mask);
}

std::vector<LayerRow> layer_rows(Network &network, int rounds, double peak) {
    const auto &steps = network.lowered().plan.steps;
    std::vector<std::vector<double>> ms(steps.size());
    std::vector<double> macs(steps.size());
    for (int round = 0; round < rounds; round++) {
        network.run([&](const StepReport &report) {
            ms[report.index].push_back(
                std::chrono::duration<double, std::milli>(report.end - report.begin).count());
            macs[report.index] = report.step->macs * report.frames;
        });
    }
    double total = 0;
    std::vector<LayerRow> rows;
    for (size_t i = 0; i < steps.size(); i++) {
        LayerRow row;
        row.model = network.description().name;
        row.label = steps[i].label;
        row.kernel = steps[i].kernel.name();
        row.ms = summarize(ms[i]).median;
        row.gmac_per_s = row.ms > 0 ? macs[i] / row.ms / 1e6 : 0;
        row.peak_share = row.gmac_per_s / peak;
        total += row.ms;
        rows.push_back(std::move(row));
    }
    for (LayerRow &row : rows) row.share = row.ms / total;
    return rows;
}

}  // namespace

std::vector<int> spread_mask(int frames, int clips, double rt) {
    const int selected = int(std::lround(std::clamp(rt, 0.0, 1.0) * frames));
    std::vector<int> mask;
    for (int clip = 0; clip < clips; clip++) {
        for (int t = 0; t < frames; t++) mask.push_back((t + 1) * selected / frames - t * selected / frames);
    }
    return mask;
}

NetworkBenchResult bench_networks(const NetworkBenchOptions &options, KernelStore &kernels, int threads, bool quiet) {
    NetworkBenchResult result;
    PeakMeter peak(kernels, threads);
    for (const std::string &name : options.models) {
        const LoadedModel model = load_model(name);
        RunShape shape;
        shape.frames = options.frames > 0 ? options.frames : model.description.frames;
        if (model.trained && model.description.adaptive() && shape.frames != model.description.frames) {
            throw Error(name + ": its weights are for clips of " + std::to_string(model.description.frames) +
                        " frames; --frames asks for another number");
        }
        shape.width = shape.height = options.size;
        shape.clips = options.clips;
        shape.dtype = options.dtype;
        shape.unselected = options.unselected == "skipped" ? Unselected::Skipped : Unselected::Masked;
        shape.forced_masks = model.description.adaptive();
        Network network(model.description, shape, kernels, model.weights);
        network.fill_recipe_video(1);

        const std::vector<double> ratios = shape.forced_masks ? options.ratios : std::vector<double>{1};
        std::vector<NetworkRow> rows;
        std::vector<std::function<void()>> candidates;
        for (double rt : ratios) {
            NetworkRow row;
            row.model = name;
            row.frames = shape.frames;
            row.size = options.size;
            row.clips = options.clips;
            row.threads = threads;
            row.rt = double(std::lround(rt * shape.frames)) / shape.frames;
            row.arena_mib = double(network.executor().arena_bytes()) / (1 << 20);
            rows.push_back(row);
            candidates.push_back([&network, rt] {
                if (network.shape().forced_masks) force_ratio(network, rt);
                network.run();
            });
        }
        Progress progress("bench " + name, size_t(options.rounds), quiet);
        double peak_here = 0;
        const auto samples = interleave(candidates, options.rounds, options.seconds, [&](size_t round) {
            peak_here = std::max(peak_here, peak.measure());
            progress.update(round);
        });
        result.peak_gmac_per_s = std::max(result.peak_gmac_per_s, peak_here);
        for (size_t i = 0; i < rows.size(); i++) {
            candidates[i]();
            rows[i].gmac = network.macs() / 1e9;
            rows[i].ms = summarize(samples[i]);
        }
        const auto dense = std::find_if(rows.begin(), rows.end(), [](const NetworkRow &r) { return r.rt == 1; });
        for (NetworkRow &row : rows) {
            row.peak_share = row.gmac / (row.ms.median / 1e3) / peak_here;
            if (dense == rows.end()) continue;
            row.speedup = dense->ms.median / row.ms.median;
            row.mac_ratio = dense->gmac / row.gmac;
        }
        if (options.layers) {
            if (shape.forced_masks) force_ratio(network, ratios.front());
            const auto layers = layer_rows(network, std::max(3, options.rounds / 3), peak_here);
            result.layers.insert(result.layers.end(), layers.begin(), layers.end());
        }
        result.rows.insert(result.rows.end(), rows.begin(), rows.end());
    }
    return result;
}

}  // namespace afnet
