// Ways to choose the frames, or the patches of frames, that focal blocks compute: what the navigation's choice is
// compared with, and what training may use in its stead (AFNET_SPEC §11). Nothing here knows networks: masks follow
// from numbers alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/counter_random.h"

namespace afnet {

enum class MaskPolicy {
    Learned,      // the navigation's choice
    Gumbel,       // the same with noise, as the authors' evaluation draws it
    Random,       // any frames, for each block by itself
    RandomSame,   // any frames, the same for all blocks
    Uniform,      // frames at equal distances
    Normal,       // frames from a normal distribution around the clip's middle, for each block by itself
    First,        // the first frames
    Centre,       // the frames in the middle of the clip, or patches in the middle of frames
    Blob,         // of patches only: a region around one that is drawn, for each frame and block by itself
    Crop,         // of patches only: a square window at a place that is drawn, for each frame and block by itself
    All,          // every frame
    None,         // no frame
    Oracle,       // the true key frames, or key patches
    Shuffled,     // the navigation's choice with frames exchanged, for each block by itself
    ShuffledSame, // the same exchange for all blocks
};

/// All policies' words, in the order above, e.g. `random-same`.
const std::vector<std::string> &mask_policy_names();
std::string mask_policy_name(MaskPolicy policy);
/// The policy of a word. Throws UsageError, which lists the words, for another one.
MaskPolicy mask_policy_named(const std::string &name);

/// Whether frames can be chosen by the policy; of patches model/patch_masks.h says so.
bool chooses_frames(MaskPolicy policy);
/// Whether the part of frames, or patches, is the caller's choice.
bool takes_ratio(MaskPolicy policy);
/// Whether masks depend on a seed.
bool draws(MaskPolicy policy);
/// Whether the navigation chooses, maybe before a shuffle.
bool needs_navigation(MaskPolicy policy);
/// Whether the navigation chooses and nothing comes after it.
bool navigates(MaskPolicy policy);
/// Whether training can take the policy in the navigation's stead: masks follow from numbers alone, and do not simply
/// select everything. Of what, chooses_frames() and chooses_patches() say.
bool replaces_navigation(MaskPolicy policy);

/// What a policy chooses. What it does not is left to the navigation.
enum class MaskTarget { Frames, Patches, Both };

/// Their words, in the order above.
const std::vector<std::string> &mask_target_names();
/// That of a word; none for any other word.
std::optional<MaskTarget> mask_target_named(const std::string &word);
bool targets_frames(MaskTarget target);
bool targets_patches(MaskTarget target);

/// Masks [block][t] of one clip; 1: computed.
using ClipMasks = std::vector<std::vector<int>>;

/// What draws depend on: besides these the block. Clips of other numbers, other epochs and other blocks are
/// independent.
struct MaskKey {
    uint64_t seed = 1;
    uint32_t epoch = 0, sample = 0;
};

/// Masks by Random, RandomSame, Uniform, Normal, First, Centre, All or None. `frames * ratio` frames are taken, 0 to
/// all; where that is no whole number, one more with the probability of the rest, so that the mean comes out. A policy that is the
/// same for all blocks draws once. Normal: without replacement, a frame is taken with a probability proportional to the
/// density at its place of a normal distribution around the clip's middle, whose standard deviation is a quarter of the
/// clip.
ClipMasks policy_masks(MaskPolicy policy, size_t blocks, int frames, double ratio, const MaskKey &key);

/// Masks [block][f] by policy_masks of a batch whose clip n is number `samples[n]`, with room for `clips` of them. Frames
/// of clips that are not there get 0.
std::vector<std::vector<int>> batch_masks(MaskPolicy policy, size_t blocks, int frames, int clips, double ratio,
                                          uint64_t seed, uint32_t epoch, const std::vector<size_t> &samples);

/// The frames of `keys` in every block.
ClipMasks oracle_masks(const std::vector<int> &keys, size_t blocks, int frames);

/// `masks` with their frames exchanged: `same` for all blocks, or for each by itself.
ClipMasks shuffled_masks(const ClipMasks &masks, bool same, const MaskKey &key);

/// How many of `frames` frames the ratio `rt` stands for: the nearest whole number.
int selected_count(double rt, int frames);
/// The part of selected frames, 0 to 1.
double realised_ratio(const std::vector<int> &mask);

/// The mask of `count` frames: the first ones, or those at equal distances.
std::vector<int> first_mask(int frames, int count);
std::vector<int> spread_mask(int frames, int count);
/// Those in the middle; where there are two ways, the earlier ones.
std::vector<int> central_mask(int frames, int count);

} // namespace afnet
