#include "bench/sparsity_bench.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>

#include "bench/sparsity_masks.h"
#include "model/isolated_step.h"
#include "model/machine.h"
#include "model/network.h"
#include "model/preprocess.h"
#include "model/progress.h"
#include "model/weights_file.h"
#include "runtime/clip_source.h"
#include "runtime/error.h"
#include "runtime/halide_host.h"
#include "runtime/interrupt.h"

namespace afnet {

namespace {

using Masks = std::vector<std::vector<int>>;  // [block][f]

// One network with the masks that it is to have, and the times of its steps in every run.
struct Candidate {
    Network *network = nullptr;
    Masks masks;  // empty: the network has none
    std::vector<std::vector<double>> runs;

    Candidate(Network &of, Masks forced) : network(&of), masks(std::move(forced)) {}

    void run() {
        for (size_t b = 0; b < masks.size(); b++) network->force_mask(b, masks[b]);
        std::vector<double> steps(network->lowered().plan.steps.size());
        network->run([&](const StepReport &report) {
            steps[report.index] = milliseconds(report.end - report.begin);
        });
        runs.push_back(std::move(steps));
    }
};

/// The networks of one model on one shape.
class Study {
public:
    Study(const SparsityOptions &options, const LoadedModel &model, const RunShape &shape, KernelStore &kernels)
        : options_(options), model_(model), shape_(shape), kernels_(kernels) {
        RunShape plain = shape;
        plain.without_masks = true;
        shape_.forced_masks = true;
        dense_ = std::make_unique<Network>(model.description, plain, kernels, model.weights);
        masked_ = std::make_unique<Network>(model.description, shape_, kernels, model.weights);
        roles_ = step_roles(masked_->lowered(), dense_->lowered());
        for (const Selection &selection : masked_->lowered().selections) names_.push_back(selection.name);
        show_clip(*dense_);
        show_clip(*masked_);
    }

    SparsityCase measure(const std::string &name, const std::string &dtype, int threads, MachineMeter &meter,
                         const std::function<void(size_t)> &progress) {
        SparsityCase result;
        result.model = name;
        result.dtype = dtype;
        result.frames = shape_.frames;
        result.size = shape_.width;
        result.batch = shape_.clips;
        result.threads = threads;
        std::vector<Candidate> candidates = {Candidate(*dense_, {})};
        add_points(result, candidates);
        std::vector<std::function<void()>> runs;
        for (Candidate &candidate : candidates) runs.push_back([&candidate] { candidate.run(); });
        const auto samples = interleave(runs, options_.rounds, options_.seconds, [&](size_t round) {
            progress(round);
            meter.measure_fma(threads);
        });

        meter.measure_memory(threads);
        result.peak = meter.peak(threads);
        result.dense_ms = summarize(samples[0]);
        const NetworkTimes dense = network_times(samples[0], candidates[0].runs);
        result.gmac_dense = dense_->macs() / 1e9;
        add_rates(result, *dense_, roles_.dense, dense, false);
        for (size_t i = 0; i < result.points.size(); i++) {
            SparsityPoint &point = result.points[i];
            Candidate &candidate = candidates[i + 1];
            const NetworkTimes times = network_times(samples[i + 1], candidate.runs);
            point.ms = summarize(samples[i + 1]);
            point.speedup = speedup_spread(samples[0], samples[i + 1]);
            candidate.run();  // its counts
            point.gmac = masked_->macs() / 1e9;
            std::vector<double> ratios;
            for (const std::vector<int> &mask : candidate.masks) ratios.push_back(realised_ratio(mask));
            point.account = account(roles_, names_, ratios, dense, times, result.gmac_dense, point.gmac);
            const bool first = std::none_of(result.kernels.begin(), result.kernels.end(),
                                            [](const KernelRate &rate) { return rate.masked; });
            if (point.rt == 1 && first) add_rates(result, *masked_, roles_.masked, times, true);
        }
        return result;
    }

private:
    void show_clip(Network &network) {
        if (options_.clip.empty()) return network.fill_recipe_video(options_.seed);
        if (clip_.empty()) read_frames();
        for (int f = 0; f < shape_.flat_frames(); f++) network.set_frame(f, clip_[size_t(f % shape_.frames)].data());
    }

    // Every clip of a batch shows the same.
    void read_frames() {
        VideoOptions video;
        video.limits.cancelled = interrupted;
        const DecodedClip clip = read_clip(options_.clip, shape_.frames, video);
        Preprocessor preprocessor(kernels_, frame_crop(model_.description.crop, shape_.width));
        const size_t size = 3 * size_t(shape_.width) * size_t(shape_.height);
        for (const RgbFrame &frame : clip.frames) {
            const float *pixels = preprocessor.run(frame);
            clip_.emplace_back(pixels, pixels + size);
        }
    }

    // What the navigation decides on the clip.
    const Masks &learned() {
        if (!learned_.empty()) return learned_;
        RunShape shape = shape_;
        shape.forced_masks = false;
        Network network(model_.description, shape, kernels_, model_.weights);
        show_clip(network);
        network.run();
        learned_ = network.masks();
        return learned_;
    }

    Masks pattern(MaskPattern pattern, double rt) const {
        Masks masks;
        for (size_t b = 0; b < names_.size(); b++) {
            masks.push_back(pattern_mask(pattern, shape_.frames, shape_.clips, selected_count(rt, shape_.frames), b,
                                         options_.seed));
        }
        return masks;
    }

    void add_points(SparsityCase &result, std::vector<Candidate> &candidates) {
        const auto add = [&](const std::string &mask, double rt, Masks masks) {
            SparsityPoint point;
            point.mask = mask;
            point.realised_rt = 0;
            for (const std::vector<int> &each : masks) point.realised_rt += realised_ratio(each);
            point.realised_rt /= double(masks.size());
            point.rt = rt < 0 ? point.realised_rt : rt;
            result.points.push_back(std::move(point));
            candidates.emplace_back(*masked_, std::move(masks));
        };
        for (const std::string &mask : options_.masks) {
            if (mask == kClipMask) {
                add(mask, -1, learned());
                if (result.points.back().realised_rt < 1) add(mask, 1, pattern(MaskPattern::Spread, 1));
                continue;
            }
            for (double rt : options_.ratios) add(mask, rt, pattern(pattern_named(mask), rt));
        }
    }

    static void add_rates(SparsityCase &result, Network &network, const std::vector<StepPlace> &places,
                          const NetworkTimes &times, bool masked) {
        const Plan &plan = network.executor().plan();
        std::map<std::string, KernelRate> rates;
        std::map<std::string, double> macs, bytes;
        for (size_t i = 0; i < plan.steps.size(); i++) {
            const Step &step = plan.steps[i];
            // With masks only what they change, at ratio 1.
            if (step.macs == 0 || (masked && places[i].role == StepRole::Ungated)) continue;
            const std::string name = step.kernel.name();
            KernelRate &rate = rates[name];
            rate.kernel = name;
            rate.masked = masked;
            rate.count++;
            rate.ms += times.steps[i];
            macs[name] += step.macs * step.frames;
            bytes[name] += compulsory_bytes(plan, step, step.frames);
        }
        for (auto &[name, rate] : rates) {
            rate.gmac_per_s = rate.ms > 0 ? macs[name] / rate.ms / 1e6 : 0;
            rate.bytes_per_s = rate.ms > 0 ? bytes[name] / rate.ms * 1e3 : 0;
            rate.macs_per_byte = macs[name] / bytes[name];
            result.kernels.push_back(rate);
        }
    }

    const SparsityOptions &options_;
    const LoadedModel &model_;
    RunShape shape_;
    KernelStore &kernels_;
    std::unique_ptr<Network> dense_, masked_;
    StepRoles roles_;
    std::vector<std::string> names_;
    std::vector<std::vector<float>> clip_;  // normalised frames
    Masks learned_;
};

// The options with defaults filled in, ratios in order and each once.
SparsityOptions completed(SparsityOptions options) {
    if (options.masks.empty()) options.masks = {options.clip.empty() ? "spread" : kClipMask};
    const bool learned = std::count(options.masks.begin(), options.masks.end(), kClipMask) > 0;
    if (learned && options.clip.empty()) throw UsageError("--mask clip: --clip names no video to take masks from");
    options.ratios.push_back(1);
    std::sort(options.ratios.begin(), options.ratios.end());
    options.ratios.erase(std::unique(options.ratios.begin(), options.ratios.end()), options.ratios.end());
    return options;
}

std::vector<LoadedModel> load_models(const SparsityOptions &options) {
    std::vector<LoadedModel> models;
    for (const std::string &name : options.models) {
        models.push_back(load_model(name, options.seed));
        const LoadedModel &model = models.back();
        if (!model.description.adaptive()) {
            throw Error(name + ": a static network, which no mask governs; take one whose name begins with af_");
        }
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

SparsityResult bench_sparsity(const SparsityOptions &given, KernelStore &kernels, const std::vector<int> &threads,
                              bool quiet) {
    const SparsityOptions options = completed(given);
    const std::vector<LoadedModel> models = load_models(options);
    const std::vector<Combination> all = combinations(options, models);
    SparsityResult result;
    result.target = kernels.target().name;
    result.unselected = options.run.unselected;
    result.rounds = options.rounds;
    result.seed = options.seed;
    LoadGuard guard(quiet);
    MachineMeter meter(kernels, threads);
    Progress progress("bench sparsity", all.size() * threads.size() * size_t(options.rounds), quiet);
    size_t done = 0;
    for (const Combination &each : all) {
        Study study(options, models[each.model], each.shape, kernels);
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
    result.machine.load = guard.finish();
    return result;
}

}  // namespace afnet
