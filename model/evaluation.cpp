#include "model/evaluation.h"

#include <algorithm>

#include "model/metrics.h"
#include "model/realised_ratios.h"
#include "runtime/error.h"
#include "runtime/interrupt.h"
#include "runtime/text.h"

namespace afnet {

namespace {

// Clips of about as many pixels keep the network's tensors in the caches.
constexpr double kBatchPixels = 16.0 * 8 * 64 * 64;
constexpr int kMostClips = 16;
// Clips that are read twice are decoded once, as long as they fit.
constexpr size_t kCacheBytes = size_t(256) << 20;

BatchOptions batch_options(const LoadedModel &model, const RunShape &shape, bool again) {
    BatchOptions options;
    options.clip.frames = shape.frames;
    options.clip.size = shape.width;
    options.clip.crop = model.description.crop;
    options.clip.video.limits.cancelled = interrupted;
    options.clips_per_batch = shape.clips;
    options.cache_bytes = again ? kCacheBytes : 0;
    return options;
}

void check_labels(const LoadedModel &model, const std::vector<ListedClip> &clips) {
    for (const ListedClip &clip : clips) {
        if (clip.label < model.description.classes) continue;
        throw Error(printable(clip.name) + " has label " + std::to_string(clip.label) + "; " + model.description.name +
                    " tells classes 0 to " + std::to_string(model.description.classes - 1));
    }
}

class Evaluator {
public:
    Evaluator(const LoadedModel &model, KernelStore &kernels, const std::vector<ListedClip> &clips,
              const ClipTruth &truth, const std::vector<EvaluationCase> &cases, const EvaluationOptions &options,
              const std::function<void(size_t)> &progress)
        : clips_(clips), truth_(truth), options_(options), progress_(progress),
          shows_key_patches_(shows_key_patches(model.description, truth)),
          network_(model, kernels, evaluated_shape(model, options, clips.size()),
                   options.grid > 0 ? options.grid : model.description.grid) {
        const bool again = std::any_of(cases.begin(), cases.end(), waits_for_ratio);
        batches_ = std::make_unique<ClipBatches>(kernels, clips, batch_options(model, network_.shape(), again));
        for (const EvaluationCase &each : cases)
            evaluation_.cases.push_back({each, {}, 0});
        ms_.resize(cases.size());
        evaluation_.blocks = network_.blocks();
        evaluation_.shape = network_.shape();
    }

    Evaluation run() {
        std::vector<size_t> now, later;
        for (size_t i = 0; i < evaluation_.cases.size(); ++i)
            (waits_for_ratio(evaluation_.cases[i].what) ? later : now).push_back(i);
        go_through(now, !later.empty());
        if (!later.empty()) {
            const MaskRatios learned = learned_ratios_.means();
            for (const size_t i : later) {
                EvaluationCase &each = evaluation_.cases[i].what;
                if (targets_frames(each.target) && !each.rt) each.rt = learned.frames;
                if (targets_patches(each.target) && !each.rs) each.rs = learned.patches.value_or(1);
            }
            go_through(later, false);
        }
        for (size_t i = 0; i < evaluation_.cases.size(); ++i) {
            CaseOutcome &each = evaluation_.cases[i];
            each.ms_per_clip = ms_[i].slots ? ms_[i].total / double(ms_[i].slots) : 0;
        }
        evaluation_.faults = batches_->faults();
        return std::move(evaluation_);
    }

private:
    struct Milliseconds {
        double total = 0;
        size_t slots = 0, runs = 0;
        // The first run, which finds caches cold, counts only where it stays the only one.
        void add(double ms, size_t clips) {
            if (runs++ == 1) total = 0, slots = 0;
            total += ms;
            slots += clips;
        }
    };

    // `measure`: the ratio that the navigation realises is wanted, whether or not a case is its choice.
    void go_through(const std::vector<size_t> &cases, bool measure) {
        const bool learned = measure || std::any_of(cases.begin(), cases.end(), [&](size_t i) {
                                 const MaskPolicy policy = evaluation_.cases[i].what.policy;
                                 return needs_navigation(policy) && policy != MaskPolicy::Gumbel;
                             });
        ClipBatch batch;
        batches_->start(0);
        while (batches_->next(batch)) {
            if (interrupted()) throw Interrupted();
            classify(batch, cases, learned, false);
            if (options_.reversed) classify(batch, cases, learned, true);
            done_ += batch.samples.size();
            progress_(done_);
        }
    }

    void classify(const ClipBatch &batch, const std::vector<size_t> &cases, bool learned, bool reversed) {
        learned_.clear();
        if (learned) {
            learned_ = network_.run(batch.pixels, reversed);
            learned_ms_ = network_.last_ms();
            if (!reversed) {
                for (const MaskedResult &result : learned_)
                    learned_ratios_.add(result);
            }
        }
        for (const size_t i : cases) {
            const std::vector<MaskedResult> results = results_of(evaluation_.cases[i].what, batch, reversed);
            if (!reversed) {
                const bool chosen = evaluation_.cases[i].what.policy == MaskPolicy::Learned;
                ms_[i].add(chosen ? learned_ms_ : network_.last_ms(), size_t(network_.shape().clips));
            }
            keep(evaluation_.cases[i], batch, results, reversed);
        }
    }

    std::vector<MaskedResult> results_of(const EvaluationCase &what, const ClipBatch &batch, bool reversed) {
        if (what.policy == MaskPolicy::Learned) return learned_;
        std::vector<MaskKey> keys;
        for (const size_t sample : batch.samples)
            keys.push_back({what.seed, 0, uint32_t(sample)});
        if (what.policy == MaskPolicy::Gumbel) return network_.run(batch.pixels, reversed, keys);
        GivenMasks given;
        for (size_t clip = 0; clip < keys.size(); ++clip) {
            if (targets_frames(what.target)) given.frames.push_back(masks_of(what, keys[clip], clip, reversed));
            if (targets_patches(what.target)) given.patches.push_back(patches_of(what, keys[clip], clip, reversed));
        }
        return network_.run_given(batch.pixels, reversed, given);
    }

    ClipMasks masks_of(const EvaluationCase &what, const MaskKey &key, size_t clip, bool reversed) const {
        const int frames = network_.shape().frames;
        if (what.policy == MaskPolicy::Oracle) {
            std::vector<int> keys = clip_keys(*truth_.frames, clips_[key.sample].name, frames);
            for (int &each : keys)
                each = reversed ? frames - 1 - each : each;
            return oracle_masks(keys, network_.selections(), frames);
        }
        if (needs_navigation(what.policy)) {
            ClipMasks learned = learned_[clip].masks;
            learned.resize(network_.selections()); // blocks that share a mask have the same
            return shuffled_masks(learned, what.policy == MaskPolicy::ShuffledSame, key);
        }
        return policy_masks(what.policy, network_.selections(), frames, what.rt.value_or(1), key);
    }

    ClipPatches patches_of(const EvaluationCase &what, const MaskKey &key, size_t clip, bool reversed) const {
        const int frames = network_.shape().frames, grid = network_.grid();
        if (what.policy == MaskPolicy::Oracle) {
            ClipKeyPatches keys = clip_key_patches(*truth_.patches, clips_[key.sample].name, frames);
            for (KeyPatch &each : keys.patches)
                each.frame = reversed ? frames - 1 - each.frame : each.frame;
            return oracle_patches(keys.patches, keys.grid, network_.blocks().size(), frames, grid);
        }
        if (needs_navigation(what.policy))
            return shuffled_patches(learned_[clip].patches, grid, what.policy == MaskPolicy::ShuffledSame, key);
        return policy_patches(what.policy, network_.blocks().size(), frames, grid, what.rs.value_or(1), key);
    }

    void keep(CaseOutcome &outcome, const ClipBatch &batch, const std::vector<MaskedResult> &results, bool reversed) {
        for (size_t clip = 0; clip < results.size(); ++clip) {
            if (reversed) {
                ClipOutcome &known = outcome.clips[outcome.clips.size() - results.size() + clip];
                known.reversed = best_class(results[clip].probabilities);
                continue;
            }
            ClipOutcome one;
            one.sample = batch.samples[clip];
            one.label = batch.labels[clip];
            one.result = results[clip];
            const std::string &name = clips_[one.sample].name;
            const int frames = network_.shape().frames;
            if (truth_.frames) one.keys = clip_keys(*truth_.frames, name, frames);
            if (shows_key_patches_) one.key_patches = clip_key_patches(*truth_.patches, name, frames);
            outcome.clips.push_back(std::move(one));
        }
    }

    const std::vector<ListedClip> &clips_;
    const ClipTruth &truth_;
    const EvaluationOptions &options_;
    const std::function<void(size_t)> &progress_;
    const bool shows_key_patches_;
    MaskedNetwork network_;
    std::unique_ptr<ClipBatches> batches_;
    Evaluation evaluation_;
    std::vector<Milliseconds> ms_;      // by case
    std::vector<MaskedResult> learned_; // of the batch
    double learned_ms_ = 0;
    RealisedRatios learned_ratios_; // of the navigation's choice
    size_t done_ = 0;
};

} // namespace

RunShape evaluated_shape(const LoadedModel &model, const EvaluationOptions &options, size_t clips) {
    RunShape shape;
    shape.frames = options.frames > 0 ? options.frames : model.description.frames;
    shape.width = shape.height = options.size > 0 ? options.size : model.description.size;
    const double pixels = double(shape.frames) * shape.width * shape.height;
    shape.clips = options.batch > 0 ? options.batch : std::clamp(int(kBatchPixels / pixels), 1, kMostClips);
    shape.clips = int(std::min(size_t(shape.clips), clips));
    shape.unselected = options.unselected.value_or(model.unselected);
    shape.dtype = options.dtype;
    return shape;
}

Evaluation evaluate(const LoadedModel &model, KernelStore &kernels, const std::vector<ListedClip> &clips,
                    const ClipTruth &truth, const std::vector<EvaluationCase> &cases, const EvaluationOptions &options,
                    const std::function<void(size_t)> &progress) {
    check_cases(model, truth, cases, options.grid);
    check_labels(model, clips);
    return Evaluator(model, kernels, clips, truth, cases, options, progress).run();
}

} // namespace afnet
