#include "model/evaluation_summary.h"

#include <algorithm>

#include "model/macs.h"
#include "model/patch_masks.h"

namespace afnet {

namespace {

// Keep rates: of frames that are key frames, or are not, or of key patches.
struct KeepCount {
    double kept = 0, seen = 0;
    std::optional<double> rate() const { return seen > 0 ? std::optional<double>(kept / seen) : std::nullopt; }
};

double mean_over_blocks(const std::vector<std::vector<double>> &keep, size_t t) {
    double sum = 0;
    for (const auto &of_block : keep)
        sum += of_block[t];
    return sum / double(keep.size());
}

MaskRatios ratios_of(const std::vector<ClipOutcome> &clips) {
    RealisedRatios ratios;
    for (const ClipOutcome &clip : clips)
        ratios.add(clip.result);
    return ratios.means();
}

double mean_macs(const std::vector<ClipOutcome> &clips) {
    double sum = 0;
    for (const ClipOutcome &clip : clips)
        sum += clip.result.macs;
    return sum / double(clips.size());
}

// Frames x MACs, with the part of frames that each block computes, and of their patches.
double official_macs(const ModelDescription &description, const RunShape &shape, const MaskRatios &ratios) {
    double sum = 0;
    for (const LayerMacs &layer : layer_macs(description, shape)) {
        const size_t block = size_t(std::max(layer.block, 0));
        double part = layer.block < 0 ? 1 : ratios.block_frames[block];
        if (layer.block >= 0 && !ratios.block_patches.empty()) part *= ratios.block_patches[block].value_or(0);
        sum += double(layer.official) * shape.frames * part;
    }
    return sum;
}

void count_reversed(const std::vector<ClipOutcome> &clips, bool pairs, EvaluationSummary &summary) {
    size_t seen = 0, own = 0, partner = 0;
    for (const ClipOutcome &clip : clips) {
        if (!clip.reversed) continue;
        ++seen;
        own += *clip.reversed == clip.label;
        partner += *clip.reversed == (clip.label ^ 1);
    }
    if (seen == 0) return;
    summary.reversed_own = double(own) / double(seen);
    if (pairs) summary.reversed_partner = double(partner) / double(seen);
}

} // namespace

std::vector<ScoredClip> scored_clips(const std::vector<ClipOutcome> &clips) {
    std::vector<ScoredClip> result;
    for (const ClipOutcome &clip : clips)
        result.push_back({clip.label, clip.result.probabilities});
    return result;
}

SelectionFigures selection_figures(const std::vector<ClipOutcome> &clips) {
    SelectionFigures figures;
    std::vector<Ranked> mean;
    std::vector<std::vector<Ranked>> per_block, per_position;
    KeepCount key, other;
    for (const ClipOutcome &clip : clips) {
        const auto &keep = clip.result.keep;
        if (!clip.keys || keep.empty()) continue;
        per_block.resize(keep.size());
        per_position.resize(keep[0].size());
        for (size_t t = 0; t < keep[0].size(); ++t) {
            const bool is_key = std::binary_search(clip.keys->begin(), clip.keys->end(), int(t));
            const double score = mean_over_blocks(keep, t);
            mean.push_back({score, is_key});
            per_position[t].push_back({score, is_key});
            for (size_t block = 0; block < keep.size(); ++block) {
                per_block[block].push_back({keep[block][t], is_key});
                KeepCount &count = is_key ? key : other;
                count.kept += clip.result.masks[block][t];
                count.seen += 1;
            }
        }
    }
    figures.auc = area_under_curve(std::move(mean));
    for (auto &of_block : per_block)
        figures.auc_per_block.push_back(area_under_curve(std::move(of_block)));
    std::vector<double> known;
    for (auto &at_position : per_position) {
        figures.auc_per_position.push_back(area_under_curve(std::move(at_position)));
        if (figures.auc_per_position.back()) known.push_back(*figures.auc_per_position.back());
    }
    figures.auc_position_median = median_if_any(std::move(known));
    figures.keep_key = key.rate();
    figures.keep_other = other.rate();
    return figures;
}

PatchFigures patch_figures(const std::vector<ClipOutcome> &clips) {
    std::vector<KeepCount> counts;
    for (const ClipOutcome &clip : clips) {
        const MaskedResult &result = clip.result;
        if (!clip.key_patches || result.patches.empty()) continue;
        counts.resize(result.patches.size());
        for (size_t block = 0; block < counts.size(); ++block) {
            const auto patches = patches_by_frame(result.patches[block], result.grid);
            for (const KeyPatch &key : clip.key_patches->patches) {
                const size_t t = size_t(key.frame);
                counts[block].seen += 1;
                if (result.masks[block][t] == 0) continue;
                counts[block].kept += covered_part(key, clip.key_patches->grid, patches[t], result.grid);
            }
        }
    }
    PatchFigures figures;
    double sum = 0;
    for (const KeepCount &count : counts) {
        figures.per_block.push_back(count.rate());
        sum += count.rate().value_or(0);
    }
    // Blocks see the same key patches: all have a rate, or none.
    if (!counts.empty() && counts[0].rate()) figures.recall = sum / double(counts.size());
    return figures;
}

EvaluationSummary summarise(const CaseOutcome &outcome, const ModelDescription &description, const RunShape &shape,
                            bool pairs) {
    EvaluationSummary summary;
    const std::vector<ScoredClip> clips = scored_clips(outcome.clips);
    summary.clips = clips.size();
    summary.top1 = top_accuracy(clips, 1);
    summary.top5 = top_accuracy(clips, 5);
    summary.classes = class_figures(clips, description.classes);
    summary.mean_class = mean_class_accuracy(summary.classes);
    summary.map = mean_average_precision(summary.classes);
    summary.ratios = ratios_of(outcome.clips);
    summary.selection = selection_figures(outcome.clips);
    summary.patches = patch_figures(outcome.clips);
    if (!clips.empty()) {
        summary.macs = mean_macs(outcome.clips);
        summary.official_macs = official_macs(description, shape, summary.ratios);
    }
    summary.ms_per_clip = outcome.ms_per_clip;
    count_reversed(outcome.clips, pairs, summary);
    return summary;
}

} // namespace afnet
