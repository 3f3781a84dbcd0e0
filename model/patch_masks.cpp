#include "model/patch_masks.h"

#include <algorithm>

#include "model/patch_shape.h"
#include "model/random_use.h"
#include "runtime/error.h"

namespace afnet {

namespace {

constexpr size_t kAllBlocks = 0xffff; // a draw for all of them

PatchShape shape_of(MaskPolicy policy) {
    switch (policy) {
    case MaskPolicy::All:
        return PatchShape::All;
    case MaskPolicy::None:
        return PatchShape::None;
    case MaskPolicy::Centre:
        return PatchShape::Centre;
    case MaskPolicy::Blob:
        return PatchShape::Blob;
    case MaskPolicy::Crop:
        return PatchShape::Crop;
    case MaskPolicy::Random:
    case MaskPolicy::RandomSame:
        return PatchShape::Random;
    default:
        break;
    }
    throw Error("masks of patches by the policy " + mask_policy_name(policy) + " do not follow from numbers alone");
}

// How much two cells of grids of `a` and `b` patches have in common along an axis, in parts of 1 / (a b).
int overlap(int cell, int a, int other, int b) {
    return std::max(0, std::min((cell + 1) * b, (other + 1) * a) - std::max(cell * b, other * a));
}

} // namespace

std::vector<std::vector<int>> patches_by_frame(const std::vector<int> &mask, int grid) {
    std::vector<std::vector<int>> frames;
    const long size = long(grid) * grid;
    for (auto begin = mask.begin(); begin != mask.end(); begin += size)
        frames.emplace_back(begin, begin + size);
    return frames;
}

bool chooses_patches(MaskPolicy policy) {
    return needs_navigation(policy) || policy == MaskPolicy::Random || policy == MaskPolicy::RandomSame ||
           policy == MaskPolicy::Centre || policy == MaskPolicy::Blob || policy == MaskPolicy::Crop ||
           policy == MaskPolicy::All || policy == MaskPolicy::None || policy == MaskPolicy::Oracle;
}

std::vector<std::string> patch_policy_names() {
    std::vector<std::string> names;
    for (const std::string &name : mask_policy_names())
        if (chooses_patches(mask_policy_named(name))) names.push_back(name);
    return names;
}

ClipPatches policy_patches(MaskPolicy policy, size_t blocks, int frames, int grid, double ratio, const MaskKey &key) {
    const PatchShape shape = shape_of(policy);
    ClipPatches masks;
    for (size_t block = 0; block < blocks; ++block) {
        const size_t draw = policy == MaskPolicy::RandomSame ? kAllBlocks : block;
        masks.push_back(patch_mask(shape, grid, frames, ratio, key, draw));
    }
    return masks;
}

ClipPatches batch_patches(MaskPolicy policy, size_t blocks, int frames, int clips, int grid, double ratio,
                          uint64_t seed, uint32_t epoch, const std::vector<size_t> &samples) {
    const size_t of_clip = size_t(frames) * size_t(grid) * size_t(grid);
    ClipPatches all(blocks, std::vector<int>(of_clip * size_t(clips), 0));
    for (size_t n = 0; n < samples.size(); ++n) {
        const ClipPatches masks =
            policy_patches(policy, blocks, frames, grid, ratio, {seed, epoch, uint32_t(samples[n])});
        for (size_t block = 0; block < blocks; ++block)
            std::copy(masks[block].begin(), masks[block].end(), all[block].begin() + long(n * of_clip));
    }
    return all;
}

ClipPatches shuffled_patches(const ClipPatches &masks, int grid, bool same, const MaskKey &key) {
    ClipPatches shuffled = masks;
    for (size_t block = 0; block < masks.size(); ++block) {
        RandomStream stream;
        stream.purpose = kPatchShuffle;
        stream.epoch = key.epoch;
        stream.sample = key.sample;
        stream.layer = uint32_t(same ? kAllBlocks : block);
        const size_t patches = size_t(grid) * size_t(grid);
        for (size_t begin = 0; begin < masks[block].size(); begin += patches, ++stream.frame) {
            CounterRandom random(key.seed, stream);
            for (size_t i = patches; i > 1; --i)
                std::swap(shuffled[block][begin + i - 1], shuffled[block][begin + random.below(uint32_t(i))]);
        }
    }
    return shuffled;
}

ClipPatches oracle_patches(const std::vector<KeyPatch> &keys, int key_grid, size_t blocks, int frames, int grid) {
    std::vector<int> mask(size_t(grid) * size_t(grid) * size_t(frames));
    for (const KeyPatch &key : keys) {
        for (int row = 0; row < grid; ++row) {
            for (int column = 0; column < grid; ++column) {
                const bool touches =
                    overlap(key.column, key_grid, column, grid) > 0 && overlap(key.row, key_grid, row, grid) > 0;
                if (touches) mask.at(size_t((key.frame * grid + row) * grid + column)) = 1;
            }
        }
    }
    return ClipPatches(blocks, mask);
}

double covered_part(const KeyPatch &patch, int key_grid, const std::vector<int> &mask, int grid) {
    double covered = 0;
    for (int row = 0; row < grid; ++row) {
        for (int column = 0; column < grid; ++column) {
            if (mask.at(size_t(row * grid + column)) == 0) continue;
            covered += overlap(patch.column, key_grid, column, grid) * overlap(patch.row, key_grid, row, grid);
        }
    }
    return covered / (double(grid) * grid);
}

} // namespace afnet
