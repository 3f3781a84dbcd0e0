#include "bench/granularity_bench.h"

#include <algorithm>
#include <map>
#include <set>

#include "bench/halo_bench.h"
#include "bench/measure.h"
#include "bench/sparsity_share.h"
#include "bench/study_networks.h"
#include "model/patch_shape.h"
#include "model/progress.h"
#include "runtime/error.h"
#include "runtime/halide_host.h"

namespace afnet {

namespace {

constexpr double kNeverWhole = 2, kAlwaysWhole = -1; // densities

using RoleTimes = std::map<StepRole, double>;

// Of each block.
std::vector<RoleTimes> role_times(const std::vector<StepPlace> &places, const std::vector<double> &steps,
                                  size_t blocks) {
    std::vector<RoleTimes> times(blocks);
    for (size_t i = 0; i < places.size(); i++) {
        if (places[i].block >= 0) times[size_t(places[i].block)][places[i].role] += steps[i];
    }
    return times;
}

GatedTimes gated(RoleTimes &times) {
    return {times[StepRole::Gather], times[StepRole::Compact], times[StepRole::Scatter]};
}

/// One grid, shape and ratio: the places of both of its runs.
struct Setting {
    int grid = 0;
    std::string patches;
    double rs = 1;
    std::vector<std::vector<int>> masks; // [block][gx, gy, f]
    size_t listed = 0, whole = 0;
};

class GranularityStudy {
public:
    GranularityStudy(const GranularityOptions &options, const LoadedModel &model, const RunShape &shape,
                     KernelStore &kernels)
        : options_(options), model_(model), networks_(model, shape, kernels, "", options.seed), kernels_(kernels) {
        MaskKey key;
        key.seed = options.seed;
        runs_ = {{&networks_.dense(), {}, {}}};
        for (int grid : options.grids) {
            StudiedNetwork &network = networks_.patches(grid);
            blocks_ = masked_blocks(network.network->lowered());
            for (const std::string &patches : options.patches) {
                for (double rs : options.ratios) {
                    Setting setting{grid, patches, rs, {}, runs_.size(), runs_.size() + 1};
                    for (size_t b = 0; b < blocks_.size(); b++) {
                        setting.masks.push_back(
                            patch_mask(patch_shape_named(patches), grid, shape.flat_frames(), rs, key, b));
                    }
                    add(network, setting.masks, kNeverWhole);
                    add(network, setting.masks, kAlwaysWhole);
                    settings_.push_back(std::move(setting));
                }
            }
        }
    }

    GranularityCase measure(const std::string &name, int threads, MachineMeter &meter,
                            const std::function<void(size_t)> &progress) {
        const RunShape &shape = networks_.shape();
        for (ForcedRun &run : runs_)
            run.steps.clear();
        const auto samples = run_in_turn(runs_, options_.rounds, options_.seconds, [&](size_t round) {
            progress(round);
            meter.measure_fma(threads);
        });
        meter.measure_memory(threads);
        GranularityCase result{name, shape.frames, shape.width, shape.clips, threads, samples[0].size(), 0, {}};
        result.dense_ms = summarize(samples[0]).median;
        std::vector<GranularityRow> rows;
        for (const Setting &setting : settings_)
            add_rows(setting, samples, rows);
        result.rows = with_stages(rows);
        return result;
    }

private:
    void add(StudiedNetwork &network, const std::vector<std::vector<int>> &patches, double break_even) {
        ForcedMasks masks;
        masks.frames.assign(network.network->lowered().selections.size(),
                            std::vector<int>(size_t(networks_.shape().flat_frames()), 1));
        masks.patches = patches;
        masks.break_even = break_even;
        runs_.push_back({network.network.get(), std::move(masks), {}});
    }

    std::vector<RoleTimes> times_of(size_t run, const std::vector<StepPlace> &places,
                                    const std::vector<std::vector<double>> &samples) const {
        return role_times(places, network_times(samples[run], runs_[run].steps).steps, blocks_.size());
    }

    // The halo is measured on the first block of each stage: the others' kernels and maps are the same.
    void add_rows(const Setting &setting, const std::vector<std::vector<double>> &samples,
                  std::vector<GranularityRow> &rows) {
        StudiedNetwork &network = networks_.patches(setting.grid);
        const LoweredNetwork &lowered = network.network->lowered();
        const std::vector<BlockMap> maps = block_maps(lowered);
        std::vector<RoleTimes> dense = times_of(0, network.roles.dense, samples);
        std::vector<RoleTimes> listed = times_of(setting.listed, network.roles.masked, samples);
        std::vector<RoleTimes> whole = times_of(setting.whole, network.roles.masked, samples);
        std::map<std::string, HaloFigures> halos; // by stage
        for (size_t b = 0; b < blocks_.size(); b++) {
            if (setting.grid > std::min(maps[b].width, maps[b].height)) continue;
            GranularityRow row;
            row.layer = blocks_[b];
            row.stage = row.layer.substr(0, row.layer.find('.'));
            row.patches = setting.patches;
            row.grid = setting.grid;
            row.width = maps[b].width;
            row.rs = setting.rs;
            row.planned_break_even = maps[b].break_even;
            const PixelSelection pixels = patch_pixels(setting.masks[b], setting.grid, maps[b].width, maps[b].height,
                                                       networks_.shape().flat_frames());
            row.realised_rs = double(pixels.count()) / double(pixels.pixels.size());
            HaloBench &bench = halo_bench(lowered, setting.grid, row);
            row.tile_side = bench.tile_side();
            if (halos.count(row.stage) == 0) halos[row.stage] = bench.measure(pixels);
            const HaloFigures &halo = halos[row.stage];
            row.computed = halo.computed;
            row.read = halo.read;
            row.costs.dense = gated(dense[b]);
            row.costs.listed = gated(listed[b]);
            row.costs.index = listed[b][StepRole::PatchChoice] + listed[b][StepRole::PatchLists];
            row.costs.fill = listed[b][StepRole::Fill];
            row.costs.halo = halo.ms - halo.contiguous_ms;
            row.costs.whole = whole[b][StepRole::PatchChoice] + gated(whole[b]).sum() + whole[b][StepRole::Fill];
            rows.push_back(std::move(row));
        }
    }

    HaloBench &halo_bench(const LoweredNetwork &network, int grid, const GranularityRow &row) {
        auto &bench = halo_benches_[{row.stage, grid}];
        if (!bench) {
            bench = std::make_unique<HaloBench>(network, row.layer, kernels_, model_.description.name, model_.weights);
        }
        return *bench;
    }

    const GranularityOptions &options_;
    const LoadedModel &model_;
    StudyNetworks networks_;
    KernelStore &kernels_;
    std::vector<std::string> blocks_;
    std::vector<ForcedRun> runs_; // the first without masks
    std::vector<Setting> settings_;
    std::map<std::pair<std::string, int>, std::unique_ptr<HaloBench>> halo_benches_; // by stage and grid
};

template <class Value> void sort_unique(std::vector<Value> &values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

std::vector<LoadedModel> load_models(const GranularityOptions &options) {
    if (widest_dtype(options.run) != Dtype::F32)
        throw Error("masks in space run in f32 only, not in bf16; leave --dtype out");
    std::vector<LoadedModel> models;
    for (const std::string &name : options.models) {
        models.push_back(load_model(name, options.seed));
        if (!models.back().description.patches_of_bottlenecks()) {
            throw Error(name +
                        ": whole frames beside masks in space are there for af_resnet networks of bottlenecks only");
        }
    }
    return models;
}

} // namespace

std::string GranularityCase::title() const {
    return run_title(model, frames, size, batch, threads);
}

GranularityResult bench_granularity(const GranularityOptions &given, KernelStore &kernels,
                                    const std::vector<int> &threads, bool quiet) {
    GranularityOptions options = given;
    sort_unique(options.grids);
    sort_unique(options.ratios);
    const std::vector<LoadedModel> models = load_models(options);
    GranularityResult result;
    result.target = kernels.target().name;
    result.unselected = options.run.unselected;
    result.rounds = options.rounds;
    result.seed = options.seed;
    LoadGuard guard(quiet);
    MachineMeter meter(kernels, threads);
    std::vector<std::pair<size_t, RunShape>> shapes;
    for (size_t m = 0; m < models.size(); m++) {
        for (const RunShape &shape : run_shapes(options.run, models[m]))
            shapes.emplace_back(m, shape);
    }
    Progress progress("bench granularity", shapes.size() * threads.size() * size_t(options.rounds), quiet);
    size_t done = 0;
    for (const auto &[m, shape] : shapes) {
        GranularityStudy study(options, models[m], shape, kernels);
        for (int count : threads) {
            configure_halide(count);
            const std::string note = models[m].description.name + ", " + std::to_string(shape.width);
            result.cases.push_back(study.measure(options.models[m], count, meter, [&](size_t round) {
                progress.update(done * size_t(options.rounds) + round, note);
            }));
            done++;
        }
    }
    meter.report(result.machine);
    result.machine.load = guard.finish();
    return result;
}

} // namespace afnet
