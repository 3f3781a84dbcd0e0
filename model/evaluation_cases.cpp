#include "model/evaluation_cases.h"

#include <algorithm>

#include "model/patch_masks.h"
#include "runtime/error.h"
#include "runtime/text.h"

namespace afnet {

namespace {

void check_target(const ModelDescription &description, MaskTarget target) {
    const std::string name = "--masks-of " + mask_target_names()[size_t(target)] + ": " + description.name;
    if (targets_patches(target) && !description.spatial())
        throw UsageError(name + " has no masks in space; its masks are of frames");
    if (targets_frames(target) && !description.temporal())
        throw UsageError(name + " has masks in space alone; its masks are of patches");
}

void check_oracle(const LoadedModel &model, const ClipTruth &truth, MaskTarget target, const std::string &name) {
    if (targets_frames(target) && !truth.frames)
        throw UsageError(name + "needs the true key frames, in key_frames.json beside the list");
    if (!targets_patches(target)) return;
    if (!truth.patches) throw UsageError(name + "needs the true key patches, in key_patches.json beside the list");
    if (!shows_key_patches(model.description, truth)) {
        throw UsageError(name + "key patches are those of whole frames, and " + model.description.name +
                         " sees a part of them (--crop of its training)");
    }
}

void check_grid(const ModelDescription &description, const std::vector<EvaluationCase> &cases, int grid) {
    if (grid == 0) return;
    if (!description.spatial()) throw UsageError("--grid: " + description.name + " has no masks in space");
    for (const EvaluationCase &each : cases) {
        if (grid == description.grid || !needs_navigation(each.policy) || navigates(each.policy)) continue;
        throw UsageError("--grid: " + mask_policy_name(each.policy) + " exchanges the navigation's patches, " +
                         std::to_string(description.grid) + " across and down");
    }
}

} // namespace

std::vector<EvaluationCase> evaluation_cases(const CaseChoices &choices) {
    const auto ratios_of = [](bool taken, const std::vector<double> &wanted) {
        std::vector<std::optional<double>> ratios = {std::nullopt};
        if (taken && !wanted.empty()) ratios.assign(wanted.begin(), wanted.end());
        return ratios;
    };
    std::vector<EvaluationCase> cases;
    for (const MaskPolicy policy : choices.policies) {
        const size_t seeds = draws(policy) ? choices.seeds.size() : 1;
        for (const auto &rt : ratios_of(takes_ratio(policy) && targets_frames(choices.target), choices.rt)) {
            for (const auto &rs : ratios_of(takes_ratio(policy) && targets_patches(choices.target), choices.rs)) {
                for (size_t i = 0; i < seeds; ++i)
                    cases.push_back({policy, rt, choices.seeds[i], choices.target, rs});
            }
        }
    }
    return cases;
}

bool waits_for_ratio(const EvaluationCase &each) {
    return takes_ratio(each.policy) &&
           ((targets_frames(each.target) && !each.rt) || (targets_patches(each.target) && !each.rs));
}

size_t evaluation_work(size_t clips, const std::vector<EvaluationCase> &cases) {
    return clips * (std::any_of(cases.begin(), cases.end(), waits_for_ratio) ? 2 : 1);
}

bool shows_key_patches(const ModelDescription &description, const ClipTruth &truth) {
    return truth.patches && description.crop == Crop::Whole;
}

void check_cases(const LoadedModel &model, const ClipTruth &truth, const std::vector<EvaluationCase> &cases, int grid) {
    const ModelDescription &description = model.description;
    check_grid(description, cases, grid);
    for (const EvaluationCase &each : cases) {
        check_target(description, each.target);
        if (each.policy == MaskPolicy::Learned) continue;
        const std::string name = "--masks " + mask_policy_name(each.policy) + ": ";
        if (!description.adaptive()) {
            throw UsageError(name + description.name + " has no focal blocks; only learned is left");
        }
        if (description.soft() && needs_navigation(each.policy)) {
            throw UsageError(name + description.name + " weighs frames and chooses none; learned, or masks that " +
                             "do not come from the navigation, are left");
        }
        if (targets_frames(each.target) && !chooses_frames(each.policy))
            throw UsageError(name + "chooses patches; of " + description.name + " frames are to be chosen");
        if (targets_patches(each.target) && !chooses_patches(each.policy)) {
            throw UsageError(name + "chooses frames; of " + description.name + " patches are to be chosen, by " +
                             join(patch_policy_names()));
        }
        if (each.policy == MaskPolicy::Oracle) check_oracle(model, truth, each.target, name);
    }
}

} // namespace afnet
