#include "bench/sparsity_study.h"

#include <algorithm>
#include <map>

#include "bench/sparsity_masks.h"
#include "model/isolated_step.h"
#include "model/patch_shape.h"
#include "model/pixel_lists.h"

namespace afnet {

namespace {

constexpr int kStepRuns = 10; // that measure steps on a device

// With masks only what they change, at ratio 1.
void add_rates(SparsityCase &result, Network &network, const std::vector<StepPlace> &places, const NetworkTimes &times,
               bool masked) {
    const Plan &plan = network.executor().plan();
    std::map<std::string, KernelRate> rates;
    std::map<std::string, double> macs, bytes;
    for (size_t i = 0; i < plan.steps.size(); i++) {
        const Step &step = plan.steps[i];
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

// On a device steps are measured once the runs have been.
NetworkTimes times_of(ForcedRun &run, const std::vector<double> &samples) {
    if (!run.network->executor().device()) return network_times(samples, run.steps);
    run.prepare();
    for (int i = 0; i < kStepRuns; i++)
        run.run_steps();
    return scaled_times(samples, run.steps);
}

std::vector<BlockPart> block_parts(const StudiedNetwork &network, const ForcedMasks &masks, int grid, int frames) {
    const LoweredNetwork &lowered = network.network->lowered();
    const std::vector<BlockMap> maps = block_maps(lowered);
    std::vector<BlockPart> parts(lowered.blocks.size());
    for (size_t b = 0; b < parts.size(); b++) {
        const int chosen = lowered.blocks[b].selection;
        const std::vector<int> listed = chosen < 0 ? std::vector<int>(size_t(frames), 1) : masks.frames[size_t(chosen)];
        parts[b].rt = realised_ratio(listed);
        if (grid == 0) continue;
        parts[b].rs = realised_pixels(masks.patches[b], grid, maps[b].width, maps[b].height, listed);
    }
    return parts;
}

} // namespace

SparsityStudy::SparsityStudy(const SparsityOptions &options, const LoadedModel &model, const RunShape &shape,
                             KernelStore &kernels)
    : options_(options), model_(model), networks_(model, shape, kernels, options.clip, options.seed) {
    const bool temporal = model.description.temporal();
    blocks_ =
        masked_blocks((temporal ? networks_.frames() : networks_.patches(model.description.grid)).network->lowered());
    if (!temporal) add_frames(kAllFrames, 1, {});
    for (const std::string &mask : temporal ? options_.masks : std::vector<std::string>()) {
        if (mask != kClipMask) {
            for (double rt : options_.ratios)
                add_frames(mask, rt, frame_pattern(mask, rt));
            continue;
        }
        const Masks &learned = networks_.learned().frames;
        double mean = 0;
        for (const std::vector<int> &each : learned)
            mean += realised_ratio(each);
        mean /= double(learned.size());
        add_frames(mask, mean, learned);
        if (mean < 1) add_frames(mask, 1, frame_pattern("spread", 1));
    }
}

SparsityStudy::Masks SparsityStudy::frame_pattern(const std::string &mask, double rt) {
    const RunShape &shape = networks_.shape();
    Masks masks;
    for (size_t b = 0; b < networks_.frames().network->lowered().selections.size(); b++) {
        masks.push_back(pattern_mask(pattern_named(mask), shape.frames, shape.clips, selected_count(rt, shape.frames),
                                     b, options_.seed));
    }
    return masks;
}

SparsityStudy::Masks SparsityStudy::patch_pattern(const std::string &shape, int grid, double rs) const {
    Masks masks;
    MaskKey key;
    key.seed = options_.seed;
    for (size_t b = 0; b < blocks_.size(); b++)
        masks.push_back(patch_mask(patch_shape_named(shape), grid, networks_.shape().flat_frames(), rs, key, b));
    return masks;
}

// One choice of frames: with all their pixels, where the model has masks of frames, and with each mask of patches.
void SparsityStudy::add_frames(const std::string &mask, double rt, const Masks &frames) {
    SparsityPoint point;
    point.mask = mask;
    point.rt = rt;
    if (!frames.empty()) add(point, networks_.frames(), {frames, {}, {}});
    for (const std::string &patches : options_.patches) {
        point.patches = patches;
        if (patches == kLearnedPatches) {
            point.grid = model_.description.grid;
            point.rs = -1; // as realised
            add_patches(point, frames, networks_.learned().patches);
            point.rs = 1;
            add_patches(point, frames, patch_pattern("all", point.grid, 1));
            continue;
        }
        for (int grid : options_.grids) {
            for (double rs : options_.patch_ratios) {
                point.grid = grid;
                point.rs = rs;
                add_patches(point, frames, patch_pattern(patches, grid, rs));
            }
        }
    }
}

void SparsityStudy::add_patches(const SparsityPoint &of, const Masks &frames, const Masks &patches) {
    add(of, networks_.patches(of.grid), {frames, patches, {}});
}

void SparsityStudy::add(SparsityPoint point, StudiedNetwork &network, ForcedMasks masks) {
    const std::vector<BlockPart> parts = block_parts(network, masks, point.grid, networks_.shape().flat_frames());
    point.realised_rt = point.realised_rs = 0;
    for (const BlockPart &part : parts) {
        point.realised_rt += part.rt;
        point.realised_rs += part.rs;
    }
    point.realised_rt /= double(parts.size());
    point.realised_rs /= double(parts.size());
    if (point.rs < 0) point.rs = point.realised_rs;
    candidates_.push_back({std::move(point), &network, std::move(masks), parts});
}

SparsityCase SparsityStudy::measure(const std::string &name, const std::string &dtype, int threads, MachineMeter &meter,
                                    const std::function<void(size_t)> &progress) {
    const RunShape &shape = networks_.shape();
    SparsityCase result;
    result.model = name;
    result.dtype = dtype;
    result.frames = shape.frames;
    result.size = shape.width;
    result.batch = shape.clips;
    result.threads = threads;
    std::vector<ForcedRun> runs = {{&networks_.dense(), {}, {}}};
    for (const Candidate &candidate : candidates_)
        runs.push_back({candidate.network->network.get(), candidate.masks, {}});
    const auto samples = run_in_turn(runs, options_.rounds, options_.seconds, [&](size_t round) {
        progress(round);
        meter.measure_fma(threads);
    });

    meter.measure_memory(threads);
    result.peak = meter.peak(threads);
    result.dense_ms = summarize(samples[0]);
    result.gmac_dense = networks_.dense().macs() / 1e9;
    const NetworkTimes dense = times_of(runs[0], samples[0]);
    const bool on_device = networks_.dense().executor().device(); // whose peak is not measured
    bool rated = on_device;
    for (size_t i = 0; i < candidates_.size(); i++) {
        const Candidate &candidate = candidates_[i];
        const StepRoles &roles = candidate.network->roles;
        if (i == 0 && !on_device) add_rates(result, networks_.dense(), roles.dense, dense, false);
        SparsityPoint point = candidate.point;
        const NetworkTimes times = times_of(runs[i + 1], samples[i + 1]);
        point.ms = summarize(samples[i + 1]);
        point.speedup = speedup_spread(samples[0], samples[i + 1]);
        runs[i + 1].prepare();
        runs[i + 1].run(); // its counts
        point.gmac = candidate.network->network->macs() / 1e9;
        point.account = account(roles, blocks_, candidate.parts, dense, times, result.gmac_dense, point.gmac);
        if (point.rt == 1 && !point.spatial() && !rated) {
            add_rates(result, *candidate.network->network, roles.masked, times, true);
            rated = true;
        }
        result.points.push_back(std::move(point));
    }
    return result;
}

} // namespace afnet
