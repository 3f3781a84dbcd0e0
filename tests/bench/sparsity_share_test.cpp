// The arithmetic of masks and of what they save, on masks and times that are made up.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <numeric>
#include <set>

#include "bench/sparsity_masks.h"
#include "bench/sparsity_share.h"
#include "model/lowering.h"
#include "runtime/error.h"
#include "tests/model/network_run.h"

using namespace afnet;

namespace {

LoweredNetwork lowered(const ModelDescription &model, bool without_masks, Unselected unselected = Unselected::Masked) {
    RunShape shape;
    shape.frames = 4;
    shape.width = shape.height = 64;
    shape.forced_masks = !without_masks;
    shape.without_masks = without_masks;
    shape.unselected = unselected;
    return lower(model, shape);
}

std::set<std::string> gated_labels(const LoweredNetwork &network, const std::vector<StepPlace> &places) {
    std::set<std::string> labels;
    for (size_t i = 0; i < places.size(); i++) {
        const StepRole role = places[i].role;
        if (role != StepRole::Gather && role != StepRole::Compact && role != StepRole::Scatter) continue;
        labels.insert(network.plan.steps[i].label + " of " + std::to_string(places[i].block));
    }
    return labels;
}

// Two blocks of made-up networks: the first without masks has 10 ms in gated kernels, the second 20 ms, the rest takes
// 70 ms, of which 2 lie between kernels.
struct MadeUp {
    StepRoles roles;
    NetworkTimes dense, masked;

    MadeUp() {
        const std::vector<StepPlace> gated = {{StepRole::Gather, 0},  {StepRole::Compact, 0}, {StepRole::Scatter, 0},
                                              {StepRole::Gather, 1},  {StepRole::Compact, 1}, {StepRole::Scatter, 1},
                                              {StepRole::Ungated, -1}};
        roles.dense = roles.masked = gated;
        dense = {100, {2, 5, 3, 4, 10, 6, 68}};
        for (int block : {0, 1}) {
            roles.masked.push_back({StepRole::Navigation, block});
            roles.masked.push_back({StepRole::IndexBuilding, block});
            roles.masked.push_back({StepRole::Fill, block});
        }
        masked = {0, {1.5, 2.5, 2, 1, 2.5, 1.5, 69, 0.25, 0.0625, 0.5, 0.25, 0.0625, 0.25}};
        masked.ms = std::accumulate(masked.steps.begin(), masked.steps.end(), 0.0) + 2.5;
    }

    SparsityAccount account_at(double r0, double r1) const {
        return account(roles, {"a", "b"}, {{r0, 1}, {r1, 1}}, dense, masked, 10, 8);
    }
};

}  // namespace

TEST_CASE("masks have the count that is asked for, in every clip", "[sparsity_bench]") {
    for (const MaskPattern pattern :
         {MaskPattern::First, MaskPattern::Alternating, MaskPattern::Spread, MaskPattern::Random}) {
        CHECK(pattern_named(pattern_name(pattern)) == pattern);
        for (int frames : {1, 2, 5, 8, 12, 13}) {
            for (int count = 0; count <= frames; count++) {
                const std::vector<int> mask = pattern_mask(pattern, frames, 3, count, 2, 9);
                REQUIRE(mask.size() == size_t(3 * frames));
                for (int clip = 0; clip < 3; clip++) {
                    const auto begin = mask.begin() + clip * frames;
                    INFO(pattern_name(pattern) << ", " << count << " of " << frames);
                    CHECK(std::accumulate(begin, begin + frames, 0) == count);
                    CHECK(std::all_of(begin, begin + frames, [](int m) { return m == 0 || m == 1; }));
                }
                CHECK(realised_ratio(mask) == Approx(double(count) / frames));
            }
        }
    }
    CHECK_THROWS_AS(pattern_named("nosuch"), UsageError);
}

TEST_CASE("masks have their pattern", "[sparsity_bench]") {
    const auto mask = [](MaskPattern pattern, int count, size_t block = 0, uint64_t seed = 1) {
        return pattern_mask(pattern, 8, 1, count, block, seed);
    };
    CHECK(mask(MaskPattern::First, 3) == std::vector<int>{1, 1, 1, 0, 0, 0, 0, 0});
    CHECK(mask(MaskPattern::Alternating, 3) == std::vector<int>{1, 0, 1, 0, 1, 0, 0, 0});
    CHECK(mask(MaskPattern::Alternating, 6) == std::vector<int>{1, 1, 1, 1, 1, 0, 1, 0});
    CHECK(mask(MaskPattern::Spread, 4) == std::vector<int>{0, 1, 0, 1, 0, 1, 0, 1});
    CHECK(mask(MaskPattern::Random, 4) == mask(MaskPattern::Random, 4));
    std::set<std::vector<int>> drawn;
    for (uint64_t seed : {1, 2}) {
        for (size_t block = 0; block < 10; block++) drawn.insert(mask(MaskPattern::Random, 4, block, seed));
    }
    CHECK(drawn.size() > 10);
}

TEST_CASE("a ratio stands for the nearest number of frames", "[sparsity_bench]") {
    CHECK(selected_count(0.4, 12) == 5);
    CHECK(selected_count(0, 12) == 0);
    CHECK(selected_count(1, 12) == 12);
    CHECK(selected_count(0.25, 8) == 2);
    CHECK(selected_count(1.5, 8) == 8);
}

TEST_CASE("steps with and without masks are the same gated layers", "[sparsity_bench]") {
    std::vector<ModelDescription> models = {small_af_resnet(false), small_af_resnet(true)};
    for (const ModelDescription &model : shipped_models()) {
        if (model.adaptive()) models.push_back(model);
    }
    for (const ModelDescription &model : models) {
        INFO(model.name);
        const LoweredNetwork masked = lowered(model, false), dense = lowered(model, true);
        const StepRoles roles = step_roles(masked, dense);
        CHECK(gated_labels(masked, roles.masked) == gated_labels(dense, roles.dense));
        std::map<StepRole, int> with, without;
        for (const StepPlace &place : roles.masked) with[place.role]++;
        for (const StepPlace &place : roles.dense) without[place.role]++;
        const int blocks = int(masked.selections.size());
        CHECK(with[StepRole::Navigation] == 2 * blocks);
        CHECK(with[StepRole::IndexBuilding] == blocks);
        CHECK(with[StepRole::Gather] == blocks);
        CHECK(with[StepRole::Scatter] == blocks);
        // Projections finish the frames that their blocks' masks reject, fusions those of the last blocks.
        const auto finishing = [&](const char *generator) {
            const auto &steps = masked.plan.steps;
            return int(std::count_if(steps.begin(), steps.end(), [&](const Step &step) {
                return step.kernel.generator == generator && step.kernel.params.count("response") > 0;
            }));
        };
        // A basic block has a convolution that gathers and one that scatters; layer1's first one needs no projection.
        const bool basic = model.block == Block::Basic;
        const int stages = model.family == Family::AfMobileNetV3 ? 2 : 3;
        CHECK(finishing("conv2d") == stages - basic);
        if (blocks > 2 * stages) CHECK(finishing("fuse_branches") == stages);
        CHECK(finishing("spatial_mean") == finishing("fuse_branches"));
        CHECK(with[StepRole::Fill] == blocks - finishing("conv2d") - finishing("fuse_branches"));
        CHECK(with[StepRole::Compact] >= (basic ? 0 : blocks));
        for (const StepRole role : {StepRole::Navigation, StepRole::IndexBuilding, StepRole::Fill}) {
            CHECK(without[role] == 0);
        }
        CHECK(with[StepRole::Ungated] == without[StepRole::Ungated]);
    }
}

TEST_CASE("theory keeps what is not gated and a part of what is", "[sparsity_bench]") {
    const SparsityAccount half = MadeUp().account_at(0.5, 0.25);
    CHECK(half.theory_ms == Approx(100 - 5 - 15));
    CHECK(half.speedup_theory == Approx(100 / 80.0));
    CHECK(half.speedup_measured == Approx(100 / 83.875));
    REQUIRE(half.share);
    CHECK(*half.share == Approx((100 / 83.875 - 1) / (100 / 80.0 - 1)));
    REQUIRE(half.share_macs);
    CHECK(*half.share_macs == Approx((100 / 83.875 - 1) / (10 / 8.0 - 1)));
    REQUIRE(half.blocks.size() == 2);
    CHECK(half.blocks[0].block == "a");
    CHECK(half.blocks[0].dense_ms == Approx(10));
    CHECK(half.blocks[1].dense_ms == Approx(20));
    CHECK(half.blocks[1].theory_ms == Approx(5));
    CHECK(half.blocks[0].masked_ms == Approx(6.5));
    CHECK(half.blocks[0].navigation_ms == Approx(0.3125));
}

TEST_CASE("a step's time is its mean in the middle third of runs", "[sparsity_bench]") {
    const std::vector<double> runs = {10, 100, 1, 12, 11, 13};
    const std::vector<std::vector<double>> steps = {{77, 77}, {4, 5}, {90, 9}, {0, 0}, {8, 3}, {6, 4}, {10, 2}};
    const NetworkTimes times = network_times(runs, steps);
    CHECK(times.ms == Approx(11.5));
    REQUIRE(times.steps.size() == 2);
    CHECK(times.steps[0] == Approx((6 + 8) / 2.0));
    CHECK(times.steps[1] == Approx((4 + 3) / 2.0));
    CHECK(network_times({5}, {{1, 2}}).steps == std::vector<double>{1, 2});
}

TEST_CASE("a speed-up's spread is that of rounds", "[sparsity_bench]") {
    const SpeedupSpread spread = speedup_spread({10, 20, 30, 40, 50}, {5, 20, 10, 10, 10});  // 2 1 3 4 5
    CHECK(spread.lower == Approx(2));
    CHECK(spread.upper == Approx(4));
    CHECK(speedup_spread({10}, {5}).lower == Approx(2));
    CHECK(speedup_spread({10}, {5}).upper == Approx(2));
}

TEST_CASE("without a gain there is no share of it", "[sparsity_bench]") {
    const SparsityAccount all = MadeUp().account_at(1, 1);
    CHECK(all.theory_ms == Approx(100));
    CHECK_FALSE(all.share);
    CHECK_FALSE(gain_share(1.1, 1));
    CHECK_FALSE(gain_share(1.1, 0.99));
    CHECK(*gain_share(1.5, 1.5) == Approx(1));
    CHECK(*gain_share(1, 1.5) == Approx(0));
    CHECK(*gain_share(0.75, 1.5) == Approx(-0.5));
}

TEST_CASE("overheads account for all time beyond theory", "[sparsity_bench]") {
    const MadeUp made_up;
    const SparsityAccount account = made_up.account_at(0.5, 0.25);
    const std::map<std::string, double> expected = {
        {"navigation", 0.5}, {"index building", 0.125}, {"gather", 2.5 - 2},
        {"compact", 5 - 5},  {"scatter", 3.5 - 3},      {"fill", 0.75},
        {"other layers", 1}, {"between kernels", 0.5},  {"total", 83.875 - 80}};
    double sum = 0;
    REQUIRE(account.overheads.size() == expected.size());
    for (const Overhead &overhead : account.overheads) {
        INFO(overhead.name);
        REQUIRE(expected.count(overhead.name) == 1);
        CHECK(overhead.ms == Approx(expected.at(overhead.name)).margin(1e-9));
        CHECK(overhead.percent == Approx(overhead.ms).margin(1e-9));  // of 100 ms
        if (overhead.name != "total") sum += overhead.ms;
    }
    CHECK(account.overheads.back().name == "total");
    CHECK(sum == Approx(account.overheads.back().ms));
}

TEST_CASE("the break-even ratio is the last one at which masks cost nothing", "[sparsity_bench]") {
    CHECK(*break_even_ratio({{0, 50}, {0.5, 80}, {1, 120}}, 100) == Approx(0.75));
    CHECK(*break_even_ratio({{1, 120}, {0, 50}, {0.5, 80}}, 100) == Approx(0.75));
    CHECK(*break_even_ratio({{0, 50}, {1, 100}}, 100) == Approx(1));
    CHECK(*break_even_ratio({{0, 50}, {1, 90}}, 100) == Approx(1));
    CHECK(*break_even_ratio({{0, 100}, {0.4, 110}, {1, 120}}, 100) == Approx(0));
    // Noise: a slower run at a lower ratio does not hide a quicker one at a higher.
    CHECK(*break_even_ratio({{0, 105}, {0.5, 90}, {1, 110}}, 100) == Approx(0.75));
    CHECK_FALSE(break_even_ratio({{0, 101}, {1, 110}}, 100));
    CHECK_FALSE(break_even_ratio({}, 100));
}
