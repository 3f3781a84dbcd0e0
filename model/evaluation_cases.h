// The ways to choose frames, or patches of frames, that an evaluation compares.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/clip_truth.h"
#include "model/mask_policy.h"
#include "model/weights_file.h"

namespace afnet {

/// One way to choose.
struct EvaluationCase {
    MaskPolicy policy = MaskPolicy::Learned;
    std::optional<double> rt; // what part of frames, where the policy takes one; none: what Learned realised
    uint64_t seed = 1;        // where the policy draws
    MaskTarget target = MaskTarget::Frames;
    std::optional<double> rs = std::nullopt; // the same of patches of these frames
};

/// What cases are made of.
struct CaseChoices {
    std::vector<MaskPolicy> policies;
    std::vector<double> rt, rs; // empty: what Learned realises
    std::vector<uint64_t> seeds;
    MaskTarget target = MaskTarget::Frames;
};

/// Every policy with every ratio and every seed that it takes, in this order.
std::vector<EvaluationCase> evaluation_cases(const CaseChoices &choices);

/// Whether a ratio of the case is known only when Learned has classified all clips.
bool waits_for_ratio(const EvaluationCase &each);

/// Times that a clip is read: a second time for ratios that are known only when all clips have been classified.
size_t evaluation_work(size_t clips, const std::vector<EvaluationCase> &cases);

/// Throws UsageError where cases need masks that the model or the data lack: key frames or patches for Oracle, a
/// navigation for all but Learned, masks in space for what chooses patches. `grid`: of patches that policies choose; 0:
/// the model's.
void check_cases(const LoadedModel &model, const ClipTruth &truth, const std::vector<EvaluationCase> &cases, int grid);

/// Whether places of key patches are known in what the model sees: it must see whole frames.
bool shows_key_patches(const ModelDescription &description, const ClipTruth &truth);

} // namespace afnet
