// Masks of a clip's patches by the policies that evaluation compares (AFNET_SPEC §11; docs/spatial.md), and how well a
// mask covers the true key patches. Nothing here knows networks: masks follow from numbers alone.
#pragma once

#include <vector>

#include "model/mask_policy.h"
#include "model/synthetic_clip.h"

namespace afnet {

/// Masks of one clip's patches, [block] of [column, row, t]; 1: computed.
using ClipPatches = std::vector<std::vector<int>>;

/// Whether policy_patches() has the policy.
bool chooses_patches(MaskPolicy policy);

/// Masks by Random, RandomSame (in all blocks alike), Centre, All or None on a grid of `grid` by `grid` patches, the
/// ratio of them in each frame as patch_mask() takes it.
ClipPatches policy_patches(MaskPolicy policy, size_t blocks, int frames, int grid, double ratio, const MaskKey &key);

/// In every block the patches that touch a key patch, which lies on a grid of `key_grid`; none in other frames.
ClipPatches oracle_patches(const std::vector<KeyPatch> &keys, int key_grid, size_t blocks, int frames, int grid);

/// The part of the area of a patch, on a grid of `key_grid`, that the mask [column, row] of its frame selects.
double covered_part(const KeyPatch &patch, int key_grid, const std::vector<int> &mask, int grid);

} // namespace afnet
