// Policies that choose patches: how many, which, that draws stay as they are; and how masks cover key patches.
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>
#include <set>

#include "model/patch_masks.h"
#include "runtime/error.h"

using namespace afnet;

namespace {

int count_of(const std::vector<int> &mask) {
    return std::accumulate(mask.begin(), mask.end(), 0);
}

std::vector<int> frame_of(const std::vector<int> &mask, int frame, int grid) {
    const auto begin = mask.begin() + long(frame) * grid * grid;
    return std::vector<int>(begin, begin + long(grid) * grid);
}

} // namespace

TEST_CASE("policies take the part of patches that was asked for", "[mask_policy]") {
    const MaskKey key{3, 1, 7};
    for (const int grid : {1, 4, 7}) {
        const int patches = grid * grid;
        for (const double ratio : {0.0, 0.25, 0.5, 1.0}) {
            for (const MaskPolicy policy :
                 {MaskPolicy::Random, MaskPolicy::RandomSame, MaskPolicy::Centre, MaskPolicy::Blob}) {
                INFO(mask_policy_name(policy) << ", grid " << grid << ", ratio " << ratio);
                for (const auto &mask : policy_patches(policy, 3, 5, grid, ratio, key)) {
                    REQUIRE(mask.size() == size_t(5 * patches));
                    for (int t = 0; t < 5; ++t)
                        CHECK(std::abs(count_of(frame_of(mask, t, grid)) - ratio * patches) <= .5);
                }
            }
        }
        CHECK(policy_patches(MaskPolicy::All, 1, 2, grid, 0, key)[0] == std::vector<int>(size_t(2 * patches), 1));
        CHECK(policy_patches(MaskPolicy::None, 1, 2, grid, 1, key)[0] == std::vector<int>(size_t(2 * patches), 0));
    }
    const int window = 3; // across and down: 9 is the square number nearest to a quarter of 49
    for (const auto &mask : policy_patches(MaskPolicy::Crop, 3, 5, 7, .25, key)) {
        REQUIRE(mask.size() == size_t(5 * 49));
        for (int t = 0; t < 5; ++t)
            CHECK(count_of(frame_of(mask, t, 7)) == window * window);
    }
    CHECK_THROWS_AS(policy_patches(MaskPolicy::Oracle, 1, 1, 4, 1, key), Error);
    CHECK(chooses_patches(MaskPolicy::Learned));
    for (const MaskPolicy policy : {MaskPolicy::Blob, MaskPolicy::Crop}) {
        CHECK(chooses_patches(policy));
        CHECK_FALSE(chooses_frames(policy));
        CHECK(replaces_navigation(policy));
        CHECK(draws(policy));
    }
    CHECK_FALSE(chooses_patches(MaskPolicy::Uniform));
    CHECK(patch_policy_names() == std::vector<std::string>{"learned", "gumbel", "random", "random-same", "centre",
                                                           "blob", "crop", "all", "none", "oracle", "shuffled",
                                                           "shuffled-same"});
}

TEST_CASE("patches are exchanged within their frames", "[mask_policy]") {
    const MaskKey key{3, 0, 7};
    const ClipPatches masks = policy_patches(MaskPolicy::Centre, 3, 4, 7, .25, key);
    const ClipPatches each = shuffled_patches(masks, 7, false, key), same = shuffled_patches(masks, 7, true, key);
    for (const ClipPatches &shuffled : {each, same}) {
        REQUIRE(shuffled.size() == 3);
        CHECK(shuffled != masks);
        for (int t = 0; t < 4; ++t)
            CHECK(count_of(frame_of(shuffled[1], t, 7)) == count_of(frame_of(masks[1], t, 7)));
    }
    CHECK(each[0] != each[1]);
    CHECK(same[0] == same[1]);
    CHECK(frame_of(same[0], 0, 7) != frame_of(same[0], 1, 7));
    CHECK(shuffled_patches(masks, 7, false, key) == each);
    CHECK(shuffled_patches(masks, 7, false, {4, 0, 7}) != each);
    const ClipPatches all(2, std::vector<int>(2 * 9, 1));
    CHECK(shuffled_patches(all, 3, false, key) == all);
}

TEST_CASE("masks of patches frame by frame", "[mask_policy]") {
    CHECK(patches_by_frame({1, 0, 0, 0, 0, 1, 1, 0}, 2) == std::vector<std::vector<int>>{{1, 0, 0, 0}, {0, 1, 1, 0}});
    CHECK(patches_by_frame({}, 2).empty());
}

TEST_CASE("random patches differ by block, frame, clip and seed as far as the policy says", "[mask_policy]") {
    const MaskKey key{3, 0, 7};
    const auto random = policy_patches(MaskPolicy::Random, 2, 4, 7, .5, key);
    const auto same = policy_patches(MaskPolicy::RandomSame, 2, 4, 7, .5, key);
    CHECK(random[0] != random[1]);
    CHECK(same[0] == same[1]);
    CHECK(frame_of(same[0], 0, 7) != frame_of(same[0], 1, 7));
    CHECK(policy_patches(MaskPolicy::Random, 2, 4, 7, .5, key) == random);
    for (const MaskKey &other : {MaskKey{4, 0, 7}, MaskKey{3, 1, 7}, MaskKey{3, 0, 8}})
        CHECK(policy_patches(MaskPolicy::Random, 2, 4, 7, .5, other) != random);
}

TEST_CASE("windows of patches differ by block, frame, clip and seed", "[mask_policy]") {
    const MaskKey key{3, 0, 7};
    const auto crops = policy_patches(MaskPolicy::Crop, 2, 8, 7, .25, key);
    CHECK(crops[0] != crops[1]);
    const auto frames = patches_by_frame(crops[0], 7);
    CHECK(std::set(frames.begin(), frames.end()).size() > 1);
    CHECK(policy_patches(MaskPolicy::Crop, 2, 8, 7, .25, key) == crops);
    for (const MaskKey &other : {MaskKey{4, 0, 7}, MaskKey{3, 1, 7}, MaskKey{3, 0, 8}})
        CHECK(policy_patches(MaskPolicy::Crop, 2, 8, 7, .25, other) != crops);
}

TEST_CASE("a batch's patches are those of its clips", "[mask_policy]") {
    const auto masks = batch_patches(MaskPolicy::Blob, 2, 3, 4, 5, .4, 9, 2, {7, 0, 7});
    REQUIRE(masks.size() == 2);
    const size_t of_clip = 3 * 5 * 5;
    for (size_t block = 0; block < 2; ++block) {
        REQUIRE(masks[block].size() == 4 * of_clip);
        for (size_t n = 0; n < 3; ++n) {
            const auto clip = policy_patches(MaskPolicy::Blob, 2, 3, 5, .4, {9, 2, n == 1 ? 0u : 7u})[block];
            CHECK(std::equal(clip.begin(), clip.end(), masks[block].begin() + long(n * of_clip)));
        }
        CHECK(std::count(masks[block].begin() + long(3 * of_clip), masks[block].end(), 1) == 0); // no clip there
    }
}

TEST_CASE("central patches are those around the centre", "[mask_policy]") {
    CHECK(policy_patches(MaskPolicy::Centre, 1, 1, 4, .25, {})[0] ==
          std::vector<int>{0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0});
    CHECK(policy_patches(MaskPolicy::Centre, 1, 1, 3, 1 / 9., {})[0] == std::vector<int>{0, 0, 0, 0, 1, 0, 0, 0, 0});
    CHECK(policy_patches(MaskPolicy::Centre, 1, 1, 3, 5 / 9., {})[0] == std::vector<int>{0, 1, 0, 1, 1, 1, 0, 1, 0});
    CHECK(central_mask(8, 2) == std::vector<int>{0, 0, 0, 1, 1, 0, 0, 0});
    CHECK(central_mask(8, 3) == std::vector<int>{0, 0, 1, 1, 1, 0, 0, 0});
}

TEST_CASE("the oracle takes the patches that touch a key patch, and covers it", "[mask_policy]") {
    const std::vector<KeyPatch> keys = {{1, 2, 0}, {2, 3, 3}};
    for (const int grid : {1, 2, 3, 4, 7, 8}) {
        INFO("grid " << grid);
        const auto masks = oracle_patches(keys, 4, 2, 3, grid);
        CHECK(masks[0] == masks[1]);
        CHECK(count_of(frame_of(masks[0], 0, grid)) == 0);
        for (const KeyPatch &key : keys)
            CHECK(covered_part(key, 4, frame_of(masks[0], key.frame, grid), grid) == Approx(1));
    }
    CHECK(count_of(oracle_patches(keys, 4, 1, 3, 4)[0]) == 2);
    CHECK(count_of(oracle_patches(keys, 4, 1, 3, 8)[0]) == 8);
    // Within a coarse patch, partly in a finer one, not at all.
    CHECK(covered_part({0, 1, 0}, 4, {1, 0, 0, 0}, 2) == Approx(1));
    CHECK(covered_part({0, 1, 0}, 2, {0, 1, 0, 0, 0, 0, 0, 0, 0}, 3) == Approx(2 / 9.));
    CHECK(covered_part({0, 0, 0}, 4, std::vector<int>(49), 7) == 0);
}
