// Who makes the masks of a training stage: the navigations, which learn, or a policy in their stead.
#pragma once

#include <string>

#include "model/description.h"
#include "model/training_recipe.h"

namespace afnet {

/// What a policy chooses where nobody says it, in training and in evaluation: patches, where the network has masks in
/// space.
MaskTarget automatic_target(const ModelDescription &description);

/// What a stage's field `masks` comes to for a network.
struct StageMasks {
    MaskPolicy policy = MaskPolicy::Learned;
    bool nothing_masked = false;                        // every frame and patch is computed, and there is no navigation
    bool frames = false, patches = false;               // by the policy
    bool learns_frames = false, learns_patches = false; // by navigations that are trained

    /// Whether the policy has a navigation's place of which this is a key, or a BatchNorm's prefix: it chooses nothing,
    /// and stays as it is.
    bool replace(const std::string &key) const;
};

/// Throws Error where the network has no masks of what the stage's policy is to choose, or the policy cannot choose it.
StageMasks stage_masks(const TrainingStage &stage, const ModelDescription &description);

} // namespace afnet
