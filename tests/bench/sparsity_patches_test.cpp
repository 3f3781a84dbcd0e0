// Masks in space in the study of dynamic sparsity: what steps are, what theory says, and which pixels masks select.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "bench/sparsity_bench.h"
#include "model/lowering.h"
#include "model/patch_shape.h"
#include "model/pixel_lists.h"
#include "tests/model/network_run.h"
#include "tests/reference/spatial.h"

using namespace afnet;

namespace {

LoweredNetwork lowered(ModelDescription model, MaskKind masks, bool without_masks) {
    model.masks = masks;
    model.grid = 4;
    RunShape shape;
    shape.frames = 4;
    shape.width = shape.height = 64;
    shape.forced_masks = !without_masks;
    shape.without_masks = without_masks;
    return lower(model, shape);
}

std::map<StepRole, int> counted(const std::vector<StepPlace> &places) {
    std::map<StepRole, int> roles;
    for (const StepPlace &place : places)
        roles[place.role]++;
    return roles;
}

// One block: 10 ms without masks of which 2, 5 and 3 gather, compute and scatter, in a network of 100 ms.
SparsityAccount account_at(BlockPart part) {
    StepRoles roles;
    roles.dense =
        roles.masked = {{StepRole::Gather, 0}, {StepRole::Compact, 0}, {StepRole::Scatter, 0}, {StepRole::Ungated, -1}};
    for (const StepRole role : {StepRole::Navigation, StepRole::PatchNavigation, StepRole::IndexBuilding,
                                StepRole::PatchChoice, StepRole::PatchLists, StepRole::Fill}) {
        roles.masked.push_back({role, 0});
    }
    const NetworkTimes dense = {100, {2, 5, 3, 90}};
    const NetworkTimes masked = {96, {0.5, 1.5, 0.75, 90, 0.25, 0.125, 0.0625, 0.03125, 0.5, 1}};
    return account(roles, {"a"}, {part}, dense, masked, 10, 9);
}

SparsityPoint point_at(const char *mask, double rt, const char *patches, int grid, double rs, double ms) {
    SparsityPoint point;
    point.mask = mask;
    point.rt = point.realised_rt = rt;
    point.patches = patches;
    point.grid = grid;
    point.rs = point.realised_rs = rs;
    point.ms = {ms, ms, ms, 3};
    return point;
}

} // namespace

TEST_CASE("gated time shrinks by RT times RS", "[sparsity_bench]") {
    const SparsityAccount account = account_at({0.5, 0.25});
    CHECK(account.theory_ms == Approx(100 - 10 + 10 * 0.125));
    CHECK(account.speedup_theory == Approx(100 / 91.25));
    REQUIRE(account.share);
    CHECK(*account.share == Approx((100 / 96.0 - 1) / (100 / 91.25 - 1)));
    REQUIRE(account.blocks.size() == 1);
    CHECK(account.blocks[0].realised.of_all() == Approx(0.125));
    CHECK(account.blocks[0].theory_ms == Approx(1.25));
    CHECK(account.blocks[0].masked_ms == Approx(0.5 + 1.5 + 0.75 + 1));
    CHECK(account.blocks[0].navigation_ms == Approx(0.25 + 0.125 + 0.0625 + 0.03125 + 0.5));
    CHECK_FALSE(account_at({1, 1}).share);
}

TEST_CASE("lists, choice and navigation of patches have lines of their own", "[sparsity_bench]") {
    const SparsityAccount account = account_at({0.5, 0.25});
    const std::map<std::string, double> expected = {{"navigation", 0.25},
                                                    {"spatial navigation", 0.125},
                                                    {"index building", 0.0625},
                                                    {"patch choice", 0.03125},
                                                    {"patch lists", 0.5},
                                                    {"gather", 0.5 - 0.25},
                                                    {"compact", 1.5 - 0.625},
                                                    {"scatter", 0.75 - 0.375},
                                                    {"fill", 1},
                                                    {"other layers", 0},
                                                    {"between kernels", 96 - 94.71875},
                                                    {"total", 96 - 91.25}};
    double sum = 0;
    REQUIRE(account.overheads.size() == expected.size());
    for (const Overhead &overhead : account.overheads) {
        INFO(overhead.name);
        REQUIRE(expected.count(overhead.name) == 1);
        CHECK(overhead.ms == Approx(expected.at(overhead.name)).margin(1e-9));
        if (overhead.name != "total") sum += overhead.ms;
    }
    CHECK(sum == Approx(account.overheads.back().ms));
}

TEST_CASE("every step of a network with masks in space has its role", "[sparsity_bench]") {
    for (const bool shift : {false, true}) {
        for (const MaskKind masks : {MaskKind::Both, MaskKind::Spatial}) {
            const ModelDescription model = small_af_resnet(shift);
            const LoweredNetwork masked = lowered(model, masks, false), dense = lowered(model, masks, true);
            const StepRoles roles = step_roles(masked, dense);
            std::map<StepRole, int> with = counted(roles.masked), without = counted(roles.dense);
            const std::vector<std::string> names = masked_blocks(masked);
            const int blocks = int(names.size());
            const bool temporal = masks == MaskKind::Both;
            // With both kinds a module's first block leaves what it owes to its projection.
            const auto first = [](const std::string &name) { return name.substr(name.rfind('.')) == ".0"; };
            const int paid = temporal ? int(std::count_if(names.begin(), names.end(), first)) : 0;
            CHECK((paid > 0) == temporal);
            REQUIRE(blocks == int(masked.patches.size()));
            CHECK(with[StepRole::Navigation] == (temporal ? 2 * blocks : 0));
            CHECK(with[StepRole::IndexBuilding] == (temporal ? blocks : 0));
            CHECK(with[StepRole::PatchNavigation] == blocks);
            CHECK(with[StepRole::PatchChoice] == blocks);
            CHECK(with[StepRole::PatchLists] == 3 * blocks - paid); // points, tiles, what rejected pixels are owed
            // By lists, and whole.
            for (const StepRole role : {StepRole::Gather, StepRole::Compact, StepRole::Scatter}) {
                CHECK(with[role] == 2 * blocks);
                CHECK(without[role] == blocks);
            }
            for (const StepRole role : {StepRole::PatchNavigation, StepRole::PatchChoice, StepRole::PatchLists,
                                        StepRole::Fill, StepRole::Navigation}) {
                CHECK(without[role] == 0);
            }
            // Both inner maps where all are computed; what blocks settle that others have left.
            CHECK(with[StepRole::Fill] >= 2 * blocks + (temporal ? 0 : 1));
            CHECK(with[StepRole::Ungated] >= without[StepRole::Ungated]);
            for (const StepPlace &place : roles.masked)
                CHECK((place.block < 0) == (place.role == StepRole::Ungated));
            const std::vector<BlockMap> maps = block_maps(masked);
            REQUIRE(maps.size() == size_t(blocks));
            CHECK(maps.front().width == 16);
            CHECK(maps.back().height == 4);
            for (const BlockMap &map : maps)
                CHECK((map.break_even > 0 && map.break_even <= 1));
        }
    }
}

TEST_CASE("the first block pays for the temporal mask that all share", "[sparsity_bench]") {
    ModelDescription model = small_af_resnet(true);
    model.temporal_masks = TemporalMasks::Shared;
    for (const MaskKind masks : {MaskKind::Temporal, MaskKind::Both}) {
        const LoweredNetwork masked = lowered(model, masks, false), dense = lowered(model, masks, true);
        const StepRoles roles = step_roles(masked, dense);
        std::map<StepRole, int> with = counted(roles.masked);
        CHECK(with[StepRole::Navigation] == 2);
        CHECK(with[StepRole::IndexBuilding] == 1);
        std::map<int, int> gated; // by block
        for (const StepPlace &place : roles.masked) {
            if (place.role == StepRole::Navigation || place.role == StepRole::IndexBuilding) CHECK(place.block == 0);
            if (is_gated(place.role)) gated[place.block]++;
        }
        CHECK(gated.size() == masked.blocks.size());
        for (const auto &[block, steps] : gated)
            CHECK(steps == (masks == MaskKind::Both ? 6 : 3));
    }
}

TEST_CASE("a mask of patches selects the pixels that nearest upsampling gives it", "[sparsity_bench]") {
    for (const auto &[width, height] : {std::pair{16, 16}, {14, 14}, {9, 5}, {3, 7}}) {
        for (const int grid : {1, 2, 4, 7}) {
            const std::vector<int> mask = patch_mask(PatchShape::Random, grid, 3, 0.5, {7}, 1);
            const reference::SpatialMask reference{grid, grid, 3, mask};
            const std::vector<int> listed = {1, 0, 1};
            const PixelSelection all = patch_pixels(mask, grid, width, height, 3);
            const PixelSelection some = patch_pixels(mask, grid, width, height, 3, &listed);
            INFO(width << "x" << height << ", grid " << grid);
            int count = 0, of_listed = 0;
            size_t i = 0;
            for (int f = 0; f < 3; f++) {
                for (int y = 0; y < height; y++) {
                    for (int x = 0; x < width; x++, i++) {
                        const bool selected = reference.selects(x, y, f, width, height);
                        REQUIRE(bool(all.pixels[i]) == selected);
                        REQUIRE(bool(some.pixels[i]) == (selected && f != 1));
                        count += selected;
                        of_listed += selected && f != 1;
                    }
                }
            }
            CHECK(all.count() == count);
            CHECK(all.count(0) + all.count(1) + all.count(2) == count);
            CHECK(realised_pixels(mask, grid, width, height, listed) == Approx(of_listed / (2.0 * width * height)));
            CHECK(realised_pixels(mask, grid, width, height, {0, 0, 0}) == Approx(count / (3.0 * width * height)));
        }
    }
}

TEST_CASE("lists of pixels name each selected tile and pixel once", "[sparsity_bench]") {
    for (const int side : {1, 2, 4}) {
        for (const int grid : {1, 3, 7}) {
            const PixelSelection pixels =
                patch_pixels(patch_mask(PatchShape::Random, grid, 2, 0.4, {3}, 0), grid, 14, 9, 2);
            const PixelSelection contiguous = contiguous_pixels(pixels, side);
            for (const PixelSelection *selection : {&pixels, &contiguous}) {
                const PixelLists lists = list_pixels(*selection, side);
                INFO("tiles of " << side << ", grid " << grid);
                CHECK(lists.points == selection->count());
                REQUIRE(lists.slots.size() == selection->pixels.size());
                int next = 0;
                for (size_t i = 0; i < lists.slots.size(); i++)
                    CHECK(lists.slots[i] == (selection->pixels[i] ? ++next : 0));
                REQUIRE(lists.tiles.size() == size_t(5 * lists.tile_count));
                std::set<std::vector<int>> seen;
                int in_tiles = 0;
                for (int n = 0; n < lists.tile_count; n++) {
                    const int *tile = lists.tiles.data() + 5 * n;
                    CHECK(tile[1] == tile[0] + 1);
                    CHECK(tile[2] == (tile[0] == 0 ? 2 : tile[0] - 1));
                    CHECK((tile[3] % side == 0 && tile[4] % side == 0));
                    CHECK(seen.insert({tile[0], tile[3], tile[4]}).second);
                    int of_tile = 0;
                    for (int y = tile[4]; y < std::min(tile[4] + side, 9); y++) {
                        for (int x = tile[3]; x < std::min(tile[3] + side, 14); x++)
                            of_tile += selection->pixels[size_t((tile[0] * 9 + y) * 14 + x)];
                    }
                    CHECK(of_tile > 0);
                    in_tiles += of_tile;
                }
                CHECK(in_tiles == lists.points);
            }
            for (int f = 0; f < 2; f++)
                CHECK(contiguous.count(f) == pixels.count(f));
            CHECK(list_pixels(contiguous, side).tile_count <= list_pixels(pixels, side).tile_count);
        }
    }
}

TEST_CASE("points stand in series in which one ratio varies", "[sparsity_bench]") {
    SparsityCase c;
    c.dense_ms = {100, 100, 100, 3};
    for (const double rt : {0.5, 1.0}) {
        c.points.push_back(point_at("spread", rt, "", 0, 1, 60 + 50 * rt));
        for (const int grid : {7, 14}) {
            for (const double rs : {0.5, 1.0})
                c.points.push_back(point_at("spread", rt, "blob", grid, rs, 50 + 60 * rt * rs));
        }
    }
    const std::vector<SparsitySeries> series = c.series();
    REQUIRE(series.size() == 1 + 2 * 2);
    CHECK(series[0].title() == "spread");
    CHECK(series[0].points.size() == 2);
    CHECK(c.base_ms(series[0]) == 100);
    CHECK(*series[0].break_even(100) == Approx(0.8));
    CHECK(series[1].title() == "spread, RT 0.500, blob 7x7");
    CHECK(c.base_ms(series[1]) == 85); // all patches at the same RT
    CHECK(series[1].full_overhead(85) == Approx(80 / 85.0 - 1));
    CHECK(*series[1].break_even(85) == 1);
    CHECK(c.base_ms(series[3]) == 110);
    const auto groups = c.groups();
    REQUIRE(groups.size() == 3); // frames alone; each grid
    CHECK(groups[1].size() == 2);
    CHECK(groups[1][1].rt == 1);
    CHECK(groups[2][0].grid == 14);
}
