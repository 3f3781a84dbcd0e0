// Masks of a clip's patches by the policies that evaluation compares (AFNET_SPEC §11; docs/spatial.md), and how well a
// mask covers the true key patches. Nothing here knows networks: masks follow from numbers alone.
#pragma once

#include <vector>

#include "model/mask_policy.h"
#include "model/synthetic_clip.h"

namespace afnet {

/// Masks of one clip's patches, [block] of [column, row, t]; 1: computed.
using ClipPatches = std::vector<std::vector<int>>;

/// A mask [column, row, t] of a grid frame by frame: [t] of [column, row].
std::vector<std::vector<int>> patches_by_frame(const std::vector<int> &mask, int grid);

/// Whether patches can be chosen by the policy: those that policy_patches() has, the navigation's choice, the true
/// ones.
bool chooses_patches(MaskPolicy policy);
/// Their words.
std::vector<std::string> patch_policy_names();

/// Masks by Random, RandomSame (in all blocks alike), Centre, Blob, Crop, All or None on a grid of `grid` by `grid`
/// patches, the ratio of them in each frame as patch_mask() takes it.
ClipPatches policy_patches(MaskPolicy policy, size_t blocks, int frames, int grid, double ratio, const MaskKey &key);

/// Masks [block] of [column, row, f] by policy_patches() of a batch whose clip n is number `samples[n]`, with room for
/// `clips` of them. Patches of clips that are not there get 0.
ClipPatches batch_patches(MaskPolicy policy, size_t blocks, int frames, int clips, int grid, double ratio,
                          uint64_t seed, uint32_t epoch, const std::vector<size_t> &samples);

/// `masks` with the patches of each frame exchanged: `same` for all blocks, or for each by itself.
ClipPatches shuffled_patches(const ClipPatches &masks, int grid, bool same, const MaskKey &key);

/// In every block the patches that touch a key patch, which lies on a grid of `key_grid`; none in other frames.
ClipPatches oracle_patches(const std::vector<KeyPatch> &keys, int key_grid, size_t blocks, int frames, int grid);

/// The part of the area of a patch, on a grid of `key_grid`, that the mask [column, row] of its frame selects.
double covered_part(const KeyPatch &patch, int key_grid, const std::vector<int> &mask, int grid);

} // namespace afnet
