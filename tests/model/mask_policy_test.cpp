// Policies for masks: how many frames, which, what they depend on and what not.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "model/mask_policy.h"
#include "runtime/error.h"

using namespace afnet;
using Catch::Matchers::Contains;

namespace {

const MaskPolicy kWithRatio[] = {MaskPolicy::Random, MaskPolicy::RandomSame, MaskPolicy::Uniform, MaskPolicy::Normal,
                                 MaskPolicy::First};

int count_of(const std::vector<int> &mask) {
    return std::accumulate(mask.begin(), mask.end(), 0);
}

MaskKey clip_key(uint32_t sample, uint64_t seed = 1, uint32_t epoch = 0) {
    return {seed, epoch, sample};
}

} // namespace

TEST_CASE("policies have words", "[mask_policy]") {
    REQUIRE(mask_policy_names().size() == 15);
    for (const std::string &name : mask_policy_names())
        CHECK(mask_policy_name(mask_policy_named(name)) == name);
    CHECK(mask_policy_named("random-same") == MaskPolicy::RandomSame);
    CHECK(mask_policy_named("shuffled-same") == MaskPolicy::ShuffledSame);
    CHECK_THROWS_WITH(mask_policy_named("best"), Contains("'best'") && Contains("learned, gumbel, random"));
    CHECK_THROWS_AS(mask_policy_named(""), UsageError);
}

TEST_CASE("masks have as many frames as the ratio says", "[mask_policy]") {
    for (const MaskPolicy policy : kWithRatio) {
        INFO(mask_policy_name(policy));
        CHECK(takes_ratio(policy));
        for (int frames : {1, 4, 8, 12}) {
            for (int count = 0; count <= frames; ++count) {
                const ClipMasks masks = policy_masks(policy, 6, frames, double(count) / frames, clip_key(3));
                REQUIRE(masks.size() == 6);
                for (const auto &mask : masks) {
                    CHECK(mask.size() == size_t(frames));
                    CHECK(count_of(mask) == count);
                    CHECK(std::all_of(mask.begin(), mask.end(), [](int m) { return m == 0 || m == 1; }));
                }
            }
        }
        CHECK(count_of(policy_masks(policy, 1, 8, 7.0, clip_key(0))[0]) == 8);
        CHECK(count_of(policy_masks(policy, 1, 8, -1, clip_key(0))[0]) == 0);
        CHECK(policy_masks(policy, 0, 8, .5, clip_key(0)).empty());
    }
    CHECK(count_of(policy_masks(MaskPolicy::All, 2, 8, .1, clip_key(0))[1]) == 8);
    CHECK(count_of(policy_masks(MaskPolicy::None, 2, 8, .9, clip_key(0))[1]) == 0);
    CHECK_THROWS_AS(policy_masks(MaskPolicy::Learned, 2, 8, .5, clip_key(0)), Error);
}

TEST_CASE("a ratio between two counts comes out in the mean", "[mask_policy]") {
    for (const MaskPolicy policy : kWithRatio) {
        INFO(mask_policy_name(policy));
        double sum = 0;
        for (uint32_t sample = 0; sample < 4000; ++sample) {
            const int count = count_of(policy_masks(policy, 1, 8, .2, clip_key(sample))[0]);
            CHECK((count == 1 || count == 2));
            sum += count;
        }
        CHECK(sum / 4000 == Approx(1.6).margin(4 * std::sqrt(.24 / 4000)));
    }
}

TEST_CASE("which frames a policy takes", "[mask_policy]") {
    CHECK(policy_masks(MaskPolicy::First, 1, 8, .25, clip_key(0))[0] == std::vector<int>{1, 1, 0, 0, 0, 0, 0, 0});
    CHECK(policy_masks(MaskPolicy::Uniform, 1, 8, .25, clip_key(0))[0] == std::vector<int>{0, 0, 0, 1, 0, 0, 0, 1});
    CHECK(policy_masks(MaskPolicy::Uniform, 1, 6, .5, clip_key(0))[0] == std::vector<int>{0, 1, 0, 1, 0, 1});
    CHECK(oracle_masks({1, 3}, 2, 4) == ClipMasks{{0, 1, 0, 1}, {0, 1, 0, 1}});
    CHECK(oracle_masks({}, 1, 2) == ClipMasks{{0, 0}});
    CHECK(selected_count(.25, 8) == 2);
    CHECK(realised_ratio({0, 1, 0, 1}) == .5);
}

TEST_CASE("random frames are all alike, and the normal ones gather in the middle", "[mask_policy]") {
    constexpr int kClips = 8000;
    const auto taken = [&](MaskPolicy policy) {
        std::vector<double> rates(8);
        for (uint32_t sample = 0; sample < kClips; ++sample) {
            const auto mask = policy_masks(policy, 1, 8, .25, clip_key(sample))[0];
            for (size_t t = 0; t < 8; ++t)
                rates[t] += mask[t] / double(kClips);
        }
        return rates;
    };
    const double margin = 4.5 * std::sqrt(.25 * .75 / kClips);
    for (const MaskPolicy policy : {MaskPolicy::Random, MaskPolicy::RandomSame}) {
        for (const double rate : taken(policy))
            CHECK(rate == Approx(.25).margin(margin));
    }
    const auto normal = taken(MaskPolicy::Normal);
    for (size_t t = 0; t < 4; ++t) {
        CHECK(normal[t] == Approx(normal[7 - t]).margin(2 * margin));
        if (t > 0) CHECK(normal[t] > normal[t - 1]);
    }
    // With one frame of eight, probabilities are the density's: exp(-(3.5 / 2)^2 / 2) : exp(-(0.5 / 2)^2 / 2).
    double first = 0, middle = 0;
    for (uint32_t sample = 0; sample < 20000; ++sample) {
        const auto mask = policy_masks(MaskPolicy::Normal, 1, 8, .125, clip_key(sample))[0];
        first += mask[0] + mask[7];
        middle += mask[3] + mask[4];
    }
    CHECK(first / middle == Approx(std::exp((.0625 - 3.0625) / 2)).epsilon(.1));
}

TEST_CASE("draws depend on seed, epoch, clip and block, and on nothing else", "[mask_policy]") {
    for (const MaskPolicy policy : {MaskPolicy::Random, MaskPolicy::Normal}) {
        const ClipMasks masks = policy_masks(policy, 12, 12, .5, clip_key(7));
        CHECK(policy_masks(policy, 12, 12, .5, clip_key(7)) == masks);
        // Fewer blocks are the first ones.
        const ClipMasks fewer = policy_masks(policy, 5, 12, .5, clip_key(7));
        CHECK(std::equal(fewer.begin(), fewer.end(), masks.begin()));
        CHECK(std::set<std::vector<int>>(masks.begin(), masks.end()).size() > 6);
        CHECK(policy_masks(policy, 12, 12, .5, clip_key(8)) != masks);
        CHECK(policy_masks(policy, 12, 12, .5, clip_key(7, 2)) != masks);
        CHECK(policy_masks(policy, 12, 12, .5, clip_key(7, 1, 1)) != masks);
    }
    const ClipMasks same = policy_masks(MaskPolicy::RandomSame, 6, 12, .5, clip_key(7));
    CHECK(std::all_of(same.begin(), same.end(), [&](const auto &mask) { return mask == same[0]; }));
    CHECK(policy_masks(MaskPolicy::RandomSame, 6, 12, .5, clip_key(8)) != same);
    // Blocks are independent: both take a frame as often as chance says.
    int both = 0;
    for (uint32_t sample = 0; sample < 8000; ++sample) {
        const ClipMasks masks = policy_masks(MaskPolicy::Random, 2, 8, .25, clip_key(sample));
        both += masks[0][2] & masks[1][2];
    }
    CHECK(both / 8000.0 == Approx(1.0 / 16).margin(4.5 * std::sqrt(.0586 / 8000)));
}

TEST_CASE("a shuffle keeps counts, and what blocks share where it is the same for all", "[mask_policy]") {
    const ClipMasks masks = {{1, 0, 0, 0, 0, 0, 0, 1}, {1, 0, 0, 0, 0, 0, 0, 1}, {1, 1, 1, 0, 0, 0, 0, 0}};
    int differ = 0;
    std::map<std::vector<int>, int> seen;
    for (uint32_t sample = 0; sample < 2800; ++sample) {
        const ClipMasks each = shuffled_masks(masks, false, clip_key(sample));
        const ClipMasks same = shuffled_masks(masks, true, clip_key(sample));
        for (size_t block = 0; block < 3; ++block) {
            REQUIRE(count_of(each[block]) == count_of(masks[block]));
            REQUIRE(count_of(same[block]) == count_of(masks[block]));
        }
        REQUIRE(same[0] == same[1]);
        // Frames 0 and 7 went somewhere; block 2 shares exactly frame 0 with block 0.
        int shared = 0;
        for (size_t t = 0; t < 8; ++t)
            shared += same[0][t] & same[2][t];
        REQUIRE(shared == 1);
        differ += each[0] != each[1];
        ++seen[each[0]];
    }
    CHECK(differ > 2500);
    // All 28 pairs, each about 100 times.
    CHECK(seen.size() == 28);
    for (const auto &[mask, times] : seen)
        CHECK(times == Approx(100).margin(45));
    CHECK(shuffled_masks(masks, false, clip_key(4)) == shuffled_masks(masks, false, clip_key(4)));
    CHECK(shuffled_masks({}, false, clip_key(4)).empty());
}

TEST_CASE("a batch's masks are those of its clips", "[mask_policy]") {
    const auto masks = batch_masks(MaskPolicy::Random, 3, 5, 4, .4, 9, 2, {7, 0, 7});
    REQUIRE(masks.size() == 3);
    for (size_t block = 0; block < 3; ++block) {
        REQUIRE(masks[block].size() == 20);
        for (size_t n = 0; n < 3; ++n) {
            const auto clip = policy_masks(MaskPolicy::Random, 3, 5, .4, clip_key(n == 1 ? 0 : 7, 9, 2))[block];
            CHECK(std::equal(clip.begin(), clip.end(), masks[block].begin() + long(5 * n)));
        }
        CHECK(std::count(masks[block].begin() + 15, masks[block].end(), 1) == 0); // no clip there
    }
}

TEST_CASE("policies that can train", "[mask_policy]") {
    for (const MaskPolicy policy : kWithRatio)
        CHECK(replaces_navigation(policy));
    CHECK(replaces_navigation(MaskPolicy::None));
    for (const MaskPolicy policy : {MaskPolicy::Learned, MaskPolicy::Gumbel, MaskPolicy::All, MaskPolicy::Oracle,
                                    MaskPolicy::Shuffled, MaskPolicy::ShuffledSame})
        CHECK_FALSE(replaces_navigation(policy));
}
