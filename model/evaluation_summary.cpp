#include "model/evaluation_summary.h"

#include <algorithm>

#include "model/macs.h"

namespace afnet {

namespace {

// Keep rates of frames that are key frames, or are not.
struct KeepCount {
    double kept = 0, frames = 0;
    std::optional<double> rate() const { return frames > 0 ? std::optional<double>(kept / frames) : std::nullopt; }
};

double mean_over_blocks(const std::vector<std::vector<double>> &keep, size_t t) {
    double sum = 0;
    for (const auto &of_block : keep)
        sum += of_block[t];
    return sum / double(keep.size());
}

std::vector<double> block_ratios(const std::vector<ClipOutcome> &clips) {
    std::vector<double> ratios(clips.empty() ? 0 : clips[0].result.masks.size());
    for (const ClipOutcome &clip : clips) {
        for (size_t block = 0; block < ratios.size(); ++block)
            ratios[block] += realised_ratio(clip.result.masks[block]);
    }
    // Divided at the end, so that whole ratios stay whole.
    for (double &ratio : ratios)
        ratio /= double(clips.size());
    return ratios;
}

// Frames x MACs, with the part of frames that each block computes.
double clip_macs(const std::vector<LayerMacs> &layers, int64_t LayerMacs::*column, int frames,
                 const std::vector<double> &ratios) {
    double sum = 0;
    for (const LayerMacs &layer : layers)
        sum += double(layer.*column) * frames * (layer.block < 0 ? 1 : ratios[size_t(layer.block)]);
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
                count.frames += 1;
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
    summary.block_rt = block_ratios(outcome.clips);
    if (!summary.block_rt.empty()) {
        summary.realised_rt = 0;
        for (const double ratio : summary.block_rt)
            summary.realised_rt += ratio;
        summary.realised_rt /= double(summary.block_rt.size());
    }
    summary.selection = selection_figures(outcome.clips);
    const std::vector<LayerMacs> layers = layer_macs(description, shape);
    if (!clips.empty()) {
        summary.macs = clip_macs(layers, &LayerMacs::conv, shape.frames, summary.block_rt);
        summary.official_macs = clip_macs(layers, &LayerMacs::official, shape.frames, summary.block_rt);
    }
    summary.ms_per_clip = outcome.ms_per_clip;
    count_reversed(outcome.clips, pairs, summary);
    return summary;
}

} // namespace afnet
