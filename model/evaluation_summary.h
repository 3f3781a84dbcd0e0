// The figures of an evaluation: how well classes are told apart, which frames and patches are chosen, and what that
// costs.
#pragma once

#include <optional>
#include <vector>

#include "model/evaluation.h"
#include "model/metrics.h"
#include "model/realised_ratios.h"

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

/// How masks in space agree with the true key patches: the part of their area that is computed, in the mean over key
/// patches. One in a frame that the block drops is not. Nothing where they are not known, or there are none.
struct PatchFigures {
    std::optional<double> recall;                 // mean over blocks
    std::vector<std::optional<double>> per_block; // empty: masks in space or key patches are not there
};
PatchFigures patch_figures(const std::vector<ClipOutcome> &clips);

/// Clips as measures take them.
std::vector<ScoredClip> scored_clips(const std::vector<ClipOutcome> &clips);

/// Figures of one case. Parts are 0 to 1.
struct EvaluationSummary {
    size_t clips = 0;
    std::optional<double> top1, top5, mean_class, map;
    MaskRatios ratios;
    SelectionFigures selection;
    PatchFigures patches;
    double macs = 0;          // of a clip in the mean, as they were computed
    double official_macs = 0; // the same as published figures count them, with the masks' ratios (model/macs.h)
    double ms_per_clip = 0;
    std::optional<double> reversed_own, reversed_partner;
    std::vector<ClassFigures> classes;
};

/// `pairs`: classes 2i and 2i + 1 are each other's partners, which reversed clips should look like.
EvaluationSummary summarise(const CaseOutcome &outcome, const ModelDescription &description, const RunShape &shape,
                            bool pairs);

} // namespace afnet
