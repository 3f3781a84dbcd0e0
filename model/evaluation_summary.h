// The figures of an evaluation: how well classes are told apart, which frames are chosen, and what that costs.
#pragma once

#include <optional>
#include <vector>

#include "model/evaluation.h"
#include "model/metrics.h"

namespace afnet {

/// How the navigation's choice agrees with the true key frames. Nothing where they are not known, or where a kind of
/// frame is missing.
struct SelectionFigures {
    std::optional<double> auc;                           // of keep probabilities, mean over blocks
    std::vector<std::optional<double>> auc_per_block;    // of each block's
    std::vector<std::optional<double>> auc_per_position; // of the mean over blocks, among frames at one place
    std::optional<double> auc_position_median;           // over the places that have one
    std::optional<double> keep_key, keep_other;          // parts of key frames and of others that masks select
};
SelectionFigures selection_figures(const std::vector<ClipOutcome> &clips);

/// Clips as measures take them.
std::vector<ScoredClip> scored_clips(const std::vector<ClipOutcome> &clips);

/// Figures of one case. Parts are 0 to 1.
struct EvaluationSummary {
    size_t clips = 0;
    std::optional<double> top1, top5, mean_class, map;
    double realised_rt = 1; // mean over blocks
    std::vector<double> block_rt;
    SelectionFigures selection;
    double macs = 0, official_macs = 0; // of a clip in the mean, with the masks that were used (model/macs.h)
    double ms_per_clip = 0;
    std::optional<double> reversed_own, reversed_partner;
    std::vector<ClassFigures> classes;
};

/// `pairs`: classes 2i and 2i + 1 are each other's partners, which reversed clips should look like.
EvaluationSummary summarise(const CaseOutcome &outcome, const ModelDescription &description, const RunShape &shape,
                            bool pairs);

} // namespace afnet
