#include "model/stage_masks.h"

#include "model/patch_masks.h"
#include "model/patch_navigation.h"
#include "runtime/error.h"
#include "runtime/text.h"

namespace afnet {

namespace {

// Those that training knows.
std::vector<std::string> policies_of_patches() {
    std::vector<std::string> words;
    for (const std::string &word : patch_policy_names())
        if (replaces_navigation(mask_policy_named(word))) words.push_back(word);
    return words;
}

void check(const TrainingStage &stage, const ModelDescription &description, MaskTarget target) {
    const auto refuse = [&](const std::string &what) {
        throw Error("stage " + stage.name + ": masks are " + stage.masks +
                    (stage.target() ? " of " + stage.masks_of : "") + ", but " + what);
    };
    const bool given = stage.target() || replaces_navigation(stage.policy());
    if (!description.adaptive() && given) {
        refuse(description.name + " has no focal blocks; learned or all expected");
    }
    if (!given) return;
    if (targets_patches(target) && !description.spatial()) {
        refuse(description.name + " has no masks in space (--masks spatial or both)");
    }
    if (targets_frames(target) && !description.temporal()) refuse(description.name + " has masks in space alone");
    if (targets_frames(target) && !chooses_frames(stage.policy())) {
        refuse("these choose patches, and frames of " + description.name + " are to be chosen");
    }
    if (targets_patches(target) && !chooses_patches(stage.policy())) {
        refuse("these choose frames, and patches of " + description.name + " are to be chosen; by " +
               join(policies_of_patches()));
    }
}

} // namespace

MaskTarget automatic_target(const ModelDescription &description) {
    return description.spatial() ? MaskTarget::Patches : MaskTarget::Frames;
}

bool StageMasks::replace(const std::string &key) const {
    return is_patch_navigation(key) ? patches : is_navigation(key) && frames;
}

StageMasks stage_masks(const TrainingStage &stage, const ModelDescription &description) {
    const MaskTarget target = stage.target().value_or(automatic_target(description));
    check(stage, description, target);
    StageMasks masks;
    masks.policy = stage.policy();
    masks.nothing_masked = !description.adaptive();
    if (masks.nothing_masked) return masks;
    const bool of_frames = description.temporal() && targets_frames(target);
    const bool of_patches = description.spatial() && targets_patches(target);
    const bool of_all = of_frames == description.temporal() && of_patches == description.spatial();
    masks.nothing_masked = masks.policy == MaskPolicy::All && (of_all || !stage.target());
    if (masks.nothing_masked) return masks;
    const bool given = masks.policy != MaskPolicy::Learned;
    masks.frames = given && of_frames;
    masks.patches = given && of_patches;
    masks.learns_frames = description.temporal() && !masks.frames;
    masks.learns_patches = description.spatial() && !masks.patches;
    return masks;
}

} // namespace afnet
