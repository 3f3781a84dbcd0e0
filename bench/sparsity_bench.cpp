#include "bench/sparsity_bench.h"

#include <algorithm>

#include "bench/sparsity_study.h"
#include "model/lowering.h"
#include "model/progress.h"
#include "runtime/error.h"
#include "runtime/halide_host.h"

namespace afnet {

namespace {

bool has(const std::vector<std::string> &names, const char *name) {
    return std::count(names.begin(), names.end(), name) > 0;
}

// In order, each once, and 1 among them.
std::vector<double> with_one(std::vector<double> ratios) {
    ratios.push_back(1);
    std::sort(ratios.begin(), ratios.end());
    ratios.erase(std::unique(ratios.begin(), ratios.end()), ratios.end());
    return ratios;
}

// Those of masks in space. A shape and a grid say nothing without a ratio; learned masks have one of their own.
void complete_patches(SparsityOptions &options) {
    const bool learned = has(options.patches, kLearnedPatches), swept = !options.patch_ratios.empty();
    const bool shapes = std::any_of(options.patches.begin(), options.patches.end(),
                                    [](const std::string &name) { return name != kLearnedPatches; });
    if (learned && options.clip.empty()) {
        throw UsageError("--patches learned: --clip names no video to take masks from");
    }
    if (shapes && !swept) throw UsageError("--patches: --rs says which part of them is selected, and is missing");
    if (!options.grids.empty() && !swept) throw UsageError("--grid: it is for --rs, which is missing");
    if (swept && learned && !shapes) {
        throw UsageError(
            "--rs: learned patches have a ratio of their own; name a shape besides, as --patches learned blob");
    }
    if (swept && !shapes) options.patches = {"blob"};
    if (swept) options.patch_ratios = with_one(options.patch_ratios);
    if (options.grids.empty()) options.grids = {7};
}

// The options with defaults filled in, ratios in order and each once.
SparsityOptions completed(SparsityOptions options) {
    if (options.masks.empty()) options.masks = {options.clip.empty() ? "spread" : kClipMask};
    if (has(options.masks, kClipMask) && options.clip.empty()) {
        throw UsageError("--mask clip: --clip names no video to take masks from");
    }
    options.ratios = with_one(options.ratios);
    complete_patches(options);
    return options;
}

void check_masks(const std::string &name, const ModelDescription &description, const SparsityOptions &options) {
    if (!description.adaptive()) {
        throw Error(name + ": a static network, which no mask governs; take one whose name begins with af_");
    }
    if (!description.temporal() && options.patches.empty()) {
        throw Error(name + ": its masks are in space only; give --rs, or --patches learned with --clip");
    }
    if (has(options.patches, kLearnedPatches) && !description.spatial()) {
        throw Error(name + ": --patches learned: it has no spatial navigation; train one with --masks spatial or both");
    }
}

void check_patches(const std::string &name, const ModelDescription &description, const SparsityOptions &options,
                   bool on_gpu) {
    if (options.patches.empty()) return;
    if (!description.patches_of_bottlenecks()) {
        throw Error(name + ": masks in space are measured for af_resnet networks of bottlenecks only");
    }
    if (widest_dtype(options.run) != Dtype::F32) throw Error(name + ": masks in space run in f32 only, not in bf16");
    if (on_gpu) throw Error(name + ": masks in space are measured on CPUs only; take --device cpu, or leave out --rs");
}

std::vector<LoadedModel> load_models(const SparsityOptions &options, bool on_gpu) {
    std::vector<LoadedModel> models;
    for (const std::string &name : options.models) {
        models.push_back(load_model(name, options.seed));
        check_masks(name, models.back().description, options);
        check_patches(name, models.back().description, options, on_gpu);
    }
    return models;
}

/// One network of a sweep.
struct Combination {
    size_t model = 0;
    std::string dtype;
    RunShape shape;
};

std::vector<Combination> combinations(const SparsityOptions &options, const std::vector<LoadedModel> &models) {
    const RunChoices &run = options.run;
    std::vector<Combination> all;
    for (size_t m = 0; m < models.size(); m++) {
        for (const std::string &dtype : run.dtypes) {
            for (int frames : run.frames) {
                for (int size : run.sizes) {
                    for (int clips : run.clips) {
                        all.push_back({m, dtype, run_shape(models[m], frames, size, clips, dtype, run.unselected)});
                    }
                }
            }
        }
    }
    return all;
}

}  // namespace

std::vector<KernelSpec> sparsity_kernels(const SparsityOptions &given) {
    const SparsityOptions options = completed(given);
    const std::vector<LoadedModel> models = load_models(options, true);
    std::vector<KernelSpec> all;
    for (const Combination &each : combinations(options, models)) {
        RunShape plain = each.shape, forced = each.shape;
        plain.without_masks = true;
        forced.forced_masks = true;
        for (KernelSpec &spec : gpu_kernels_of(models[each.model].description, {plain, forced}))
            all.push_back(std::move(spec));
    }
    return all;
}

SparsityResult bench_sparsity(const SparsityOptions &given, KernelStore &kernels, const std::vector<int> &threads,
                              bool quiet) {
    const SparsityOptions options = completed(given);
    const std::vector<LoadedModel> models = load_models(options, kernels.target().gpu != GpuInterface::None);
    const std::vector<Combination> all = combinations(options, models);
    SparsityResult result;
    result.target = kernels.target().name;
    result.unselected = options.run.unselected;
    result.rounds = options.rounds;
    result.seed = options.seed;
    LoadGuard guard(quiet);
    MachineMeter meter(kernels.host(), threads);
    Progress progress("bench sparsity", all.size() * threads.size() * size_t(options.rounds), quiet);
    size_t done = 0;
    for (const Combination &each : all) {
        SparsityStudy study(options, models[each.model], each.shape, kernels);
        const std::string note = models[each.model].description.name + ", " + std::to_string(each.shape.frames) +
                                 " x " + std::to_string(each.shape.width);
        for (int count : threads) {
            configure_halide(count);
            result.cases.push_back(
                study.measure(options.models[each.model], each.dtype, count, meter,
                              [&](size_t round) { progress.update(done * size_t(options.rounds) + round, note); }));
            done++;
        }
    }
    meter.report(result.machine);
    add_device(result.machine, kernels.target());
    result.machine.load = guard.finish();
    return result;
}

}  // namespace afnet
