#include "bench/network_bench.h"

#include <algorithm>

#include "bench/sparsity_masks.h"
#include "bench/stages.h"
#include "model/patch_shape.h"
#include "model/progress.h"
#include "runtime/device.h"
#include "runtime/halide_host.h"

namespace afnet {

namespace {

/// What steps of a run took and computed.
struct StepTimes {
    std::vector<double> ms, macs;
};

void force_ratio(Network &network, double rt) {
    const RunShape &shape = network.shape();
    const std::vector<int> mask =
        pattern_mask(MaskPattern::Spread, shape.frames, shape.clips, selected_count(rt, shape.frames), 0, 0);
    for (size_t b = 0; b < network.lowered().selections.size(); b++)
        network.force_mask(b, mask);
}

void force_patches(Network &network, const NetworkRow &row) {
    for (size_t b = 0; b < network.lowered().patches.size(); b++)
        network.force_patches(
            b, patch_mask(patch_shape_named(row.patches), row.grid, network.shape().flat_frames(), row.rs, {}, b));
}

double dense_macs(const LoweredNetwork &network, int frames) {
    double macs = 0;
    for (const Step &step : network.plan.steps)
        macs += whole_frame_macs(network, step) * frames;
    return macs;
}

void add_part(std::vector<PartTime> &parts, const std::string &name, double ms, double macs) {
    auto part = std::find_if(parts.begin(), parts.end(), [&](const PartTime &p) { return p.name == name; });
    if (part == parts.end()) part = parts.insert(parts.end(), {name, 0, 0});
    part->ms += ms;
    part->gmac += macs / 1e9;
}

/// One network, and its rows.
class NetworkBench {
public:
    NetworkBench(const std::string &name, const LoadedModel &model, const RunShape &shape, KernelStore &kernels,
                 MachineMeter &meter)
        : name_(name), network_(model.description, shape, kernels, model.weights), meter_(meter) {
        network_.fill_recipe_video(1);
    }

    void add_row(const NetworkRow &row) { rows_.push_back(row); }

    std::vector<NetworkRow> run(int rounds, double seconds, bool quiet) {
        std::vector<std::function<void()>> candidates;
        wall_ms_.assign(rows_.size(), 0);
        for (size_t i = 0; i < rows_.size(); i++)
            candidates.push_back([this, i] { run_once(i); });
        Progress progress("bench " + name_, size_t(rounds), quiet);
        const auto samples = interleave(
            candidates, rounds, seconds,
            [&](size_t round) {
                for (int threads : thread_counts())
                    meter_.measure_fma(threads);
                progress.update(round);
            },
            [this](size_t i) { prepare(rows_[i]); });
        for (size_t i = 0; i < rows_.size(); i++) {
            rows_[i].ms = summarize(samples[i]);
            rows_[i].cores /= wall_ms_[i];
        }
        time_steps(std::max(3, rounds / 3));
        for (int threads : thread_counts())
            meter_.measure_memory(threads);
        return rows_;
    }

    /// Of the first row; after run().
    std::vector<LayerRow> layers() {
        const auto &steps = plan().steps;
        const StepTimes &times = step_times_.front();
        double total = 0;
        for (double ms : times.ms)
            total += ms;
        std::vector<LayerRow> rows;
        for (size_t i = 0; i < steps.size(); i++) {
            LayerRow row;
            row.model = name_;
            row.label = steps[i].label;
            row.kernel = steps[i].kernel.name();
            row.vendor = network_.executor().kernel(i).entry->vendor;
            row.threads = rows_.front().threads;
            row.ms = times.ms[i];
            row.share = times.ms[i] / total;
            row.gmac_per_s = row.ms > 0 ? times.macs[i] / row.ms / 1e6 : 0;
            rows.push_back(std::move(row));
        }
        return rows;
    }

    const LoweredNetwork &lowered() const { return network_.lowered(); }
    const Plan &plan() const { return lowered().plan; }
    double arena_mib() { return double(network_.executor().arena_bytes()) / (1 << 20); }
    int vendor_steps() { return int(network_.executor().vendor_steps()); }

private:
    std::vector<int> thread_counts() const {
        std::vector<int> counts;
        for (const NetworkRow &row : rows_) {
            if (std::find(counts.begin(), counts.end(), row.threads) == counts.end()) counts.push_back(row.threads);
        }
        return counts;
    }

    void prepare(const NetworkRow &row) {
        configure_halide(row.threads);
        if (network_.shape().forced_masks) force_ratio(network_, row.rt);
        if (network_.shape().forced_grid > 0) force_patches(network_, row);
        network_.executor().send_inputs();
    }

    void run_once(size_t i) {
        const double processor = processor_milliseconds();
        const auto begin = std::chrono::steady_clock::now();
        network_.run();
        wall_ms_[i] += milliseconds(std::chrono::steady_clock::now() - begin);
        rows_[i].cores += processor_milliseconds() - processor;
    }

    void time_steps(int passes) {
        const auto &steps = plan().steps;
        std::vector<std::vector<std::vector<double>>> ms(rows_.size(), std::vector<std::vector<double>>(steps.size()));
        step_times_.assign(rows_.size(), {std::vector<double>(steps.size()), std::vector<double>(steps.size())});
        for (int pass = 0; pass < passes; pass++) {
            for (size_t i = 0; i < rows_.size(); i++) {
                prepare(rows_[i]);
                network_.run([&](const StepReport &report) {
                    ms[i][report.index].push_back(milliseconds(report.end - report.begin));
                    step_times_[i].macs[report.index] = report.step->macs * report.frames;
                });
            }
        }
        for (size_t i = 0; i < rows_.size(); i++) {
            for (size_t s = 0; s < steps.size(); s++) {
                const double median = step_times_[i].ms[s] = summarize(ms[i][s]).median;
                const double macs = step_times_[i].macs[s];
                add_part(rows_[i].stages, stage_of(steps[s]), median, macs);
                add_part(rows_[i].kinds, kind_of(steps[s]), median, macs);
                rows_[i].gmac += macs / 1e9;
            }
        }
    }

    std::string name_;
    Network network_;
    MachineMeter &meter_;
    std::vector<NetworkRow> rows_;
    std::vector<double> wall_ms_;       // of all runs, by row
    std::vector<StepTimes> step_times_; // by row
};

void compare_with_dense(std::vector<NetworkRow> &rows) {
    for (NetworkRow &row : rows) {
        const auto dense = std::find_if(rows.begin(), rows.end(), [&](const NetworkRow &r) {
            return r.realised_rt == 1 && r.realised_rs == 1 && r.threads == row.threads;
        });
        if (dense == rows.end()) continue;
        row.speedup = dense->ms.median / row.ms.median;
        row.mac_ratio = dense->gmac / row.gmac;
    }
}

/// One network of a sweep.
struct Combination {
    const std::string *name;
    const LoadedModel *model;
    RunShape shape;
};

std::vector<Combination> combinations(const NetworkBenchOptions &options, const std::vector<LoadedModel> &models) {
    std::vector<Combination> all;
    for (size_t m = 0; m < models.size(); m++) {
        for (RunShape &shape : run_shapes(options.run, models[m]))
            all.push_back({&options.models[m], &models[m], std::move(shape)});
    }
    return all;
}

std::vector<LoadedModel> loaded_models(const NetworkBenchOptions &options) {
    std::vector<LoadedModel> models;
    for (const std::string &name : options.models)
        models.push_back(load_model(name));
    return models;
}

bool spatial(const NetworkBenchOptions &options, const ModelDescription &description) {
    return description.adaptive() && !options.patch_ratios.empty();
}

// Masks are given.
RunShape forced_shape(const NetworkBenchOptions &options, const Combination &combination) {
    RunShape shape = combination.shape;
    shape.forced_masks = combination.model->description.adaptive();
    if (spatial(options, combination.model->description)) shape.forced_grid = options.grid;
    return shape;
}

void bench_network(const NetworkBenchOptions &options, const Combination &combination, KernelStore &kernels,
                   const std::vector<int> &threads, MachineMeter &meter, bool quiet, NetworkBenchResult &result) {
    const RunShape shape = forced_shape(options, combination);
    const bool adaptive = shape.forced_masks, in_space = spatial(options, combination.model->description);
    NetworkBench bench(*combination.name, *combination.model, shape, kernels, meter);
    NetworkRow row;
    row.model = *combination.name;
    row.dtype = dtype_name(shape.dtype);
    row.target = kernels.target().name;
    if (kernels.target().gpu != GpuInterface::None) row.device = open_device(kernels.target().gpu).name;
    row.unselected = options.run.unselected;
    row.mask = adaptive ? "spread" : "none";
    row.frames = shape.frames;
    row.size = shape.width;
    row.clips = shape.clips;
    row.arena_mib = bench.arena_mib();
    row.vendor_steps = bench.vendor_steps();
    row.gmac_dense = dense_macs(bench.lowered(), shape.flat_frames()) / 1e9;
    if (in_space) {
        row.patches = options.patches;
        row.grid = options.grid;
    }
    for (double rt : adaptive ? options.ratios : std::vector<double>{1}) {
        for (double rs : in_space ? options.patch_ratios : std::vector<double>{1}) {
            row.rt = rt;
            row.realised_rt = double(selected_count(rt, shape.frames)) / shape.frames;
            row.rs = rs;
            if (in_space) row.realised_rs = realised_patches(patch_shape_named(row.patches), row.grid, rs);
            for (int count : threads) {
                row.threads = count;
                bench.add_row(row);
            }
        }
    }
    std::vector<NetworkRow> rows = bench.run(options.rounds, options.seconds, quiet);
    compare_with_dense(rows);
    result.rows.insert(result.rows.end(), rows.begin(), rows.end());
    if (!options.layers) return;
    const std::vector<LayerRow> layers = bench.layers();
    result.layers.insert(result.layers.end(), layers.begin(), layers.end());
}

}  // namespace

std::vector<KernelSpec> bench_kernels(const NetworkBenchOptions &options) {
    const std::vector<LoadedModel> models = loaded_models(options);
    std::vector<KernelSpec> all;
    for (const Combination &combination : combinations(options, models)) {
        for (KernelSpec &spec : gpu_kernels_of(combination.model->description, {forced_shape(options, combination)}))
            all.push_back(std::move(spec));
    }
    return all;
}

NetworkBenchResult bench_networks(const NetworkBenchOptions &options, KernelStore &kernels,
                                  const std::vector<int> &threads, bool quiet) {
    NetworkBenchResult result;
    const std::vector<LoadedModel> models = loaded_models(options);
    LoadGuard guard(quiet);
    const bool on_cpu = kernels.target().gpu == GpuInterface::None;
    MachineMeter meter(kernels.host(), threads);
    for (const Combination &combination : combinations(options, models)) {
        bench_network(options, combination, kernels, threads, meter, quiet, result);
    }
    for (NetworkRow &row : result.rows) {
        if (!on_cpu) continue;
        row.percent_of_peak = 100 * row.gmac / (row.ms.median / 1e3) / meter.peak(row.threads).fma_gmac_per_s;
    }
    for (LayerRow &row : result.layers) {
        if (!on_cpu) continue;
        row.percent_of_peak = 100 * row.gmac_per_s / meter.peak(row.threads).fma_gmac_per_s;
    }
    meter.report(result.machine);
    add_device(result.machine, kernels.target());
    result.machine.load = guard.finish();
    return result;
}

}  // namespace afnet
