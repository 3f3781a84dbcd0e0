#include "model/patch_policy.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/random_use.h"
#include "runtime/error.h"

namespace afnet {

namespace {

constexpr uint32_t kAllBlocks = 0xffff; // a draw for all of them

// Patches of one frame, in the order in which they are taken.
std::vector<int> drawn_patches(int patches, double wanted, const MaskKey &key, uint32_t block, int frame) {
    RandomStream stream;
    stream.purpose = kPatchDraw;
    stream.epoch = key.epoch;
    stream.sample = key.sample;
    stream.layer = block;
    stream.frame = uint32_t(frame);
    CounterRandom random(key.seed, stream);
    const double whole = std::floor(wanted + 1e-9);
    const int count = std::min(patches, int(whole) + (random.uniform() < wanted - whole));
    return draw_subset(random, count, patches);
}

std::vector<int> central_patches(int grid, double wanted) {
    std::vector<int> order(size_t(grid) * size_t(grid));
    std::iota(order.begin(), order.end(), 0);
    // Twice the distances of a patch's middle from the centre, squared: whole numbers.
    const auto distance = [&](int patch) {
        const int x = 2 * (patch % grid) + 1 - grid, y = 2 * (patch / grid) + 1 - grid;
        return x * x + y * y;
    };
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return distance(a) < distance(b); });
    order.resize(size_t(std::lround(wanted)));
    return order;
}

std::vector<int> frame_patches(MaskPolicy policy, int grid, double ratio, const MaskKey &key, uint32_t block,
                               int frame) {
    const int patches = grid * grid;
    const double wanted = std::clamp(ratio, 0.0, 1.0) * patches;
    switch (policy) {
    case MaskPolicy::All:
        return central_patches(grid, patches);
    case MaskPolicy::None:
        return {};
    case MaskPolicy::Centre:
        return central_patches(grid, wanted);
    case MaskPolicy::Random:
        return drawn_patches(patches, wanted, key, block, frame);
    case MaskPolicy::RandomSame:
        return drawn_patches(patches, wanted, key, kAllBlocks, frame);
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

bool chooses_patches(MaskPolicy policy) {
    return policy == MaskPolicy::Random || policy == MaskPolicy::RandomSame || policy == MaskPolicy::Centre ||
           policy == MaskPolicy::All || policy == MaskPolicy::None;
}

ClipPatches policy_patches(MaskPolicy policy, size_t blocks, int frames, int grid, double ratio, const MaskKey &key) {
    const size_t patches = size_t(grid) * size_t(grid);
    ClipPatches masks(blocks, std::vector<int>(patches * size_t(frames)));
    for (size_t block = 0; block < blocks; ++block) {
        for (int t = 0; t < frames; ++t) {
            for (const int patch : frame_patches(policy, grid, ratio, key, uint32_t(block), t))
                masks[block][patches * size_t(t) + size_t(patch)] = 1;
        }
    }
    return masks;
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
