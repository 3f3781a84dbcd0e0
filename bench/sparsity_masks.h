// Masks that a study of dynamic sparsity forces upon focal blocks: which frames of each clip are computed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/mask_policy.h"

namespace afnet {

/// Patterns of which every clip has the same number of selected frames.
enum class MaskPattern {
    First,        // frames 0 to count - 1: neighbours in memory and in time
    Alternating,  // every second frame, 0 2 4 ..., then 1 3 5 ...
    Spread,       // at equal distances
    Random,       // drawn anew for each block and clip, from a seed
};

/// The word of the command line and of results, e.g. `spread`.
std::string pattern_name(MaskPattern pattern);
/// The pattern of a word. Throws UsageError for another word.
MaskPattern pattern_named(const std::string &name);

/// The mask [frames x clips] of focal block `block` with `count` of each clip's frames selected. `block` and `seed`
/// matter to Random only.
std::vector<int> pattern_mask(MaskPattern pattern, int frames, int clips, int count, size_t block, uint64_t seed);

}  // namespace afnet
