// Masks of patches by shape: how many, where, and what they depend on.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "model/patch_shape.h"
#include "runtime/error.h"

using namespace afnet;

namespace {

int computed(const std::vector<int> &mask, int grid, int frame) {
    const auto begin = mask.begin() + frame * grid * grid;
    return int(std::count(begin, begin + grid * grid, 1));
}

// Patches of a frame that can be reached from its first computed one by going left, right, up and down.
int reached(const std::vector<int> &mask, int grid, int frame) {
    std::vector<int> rest(mask.begin() + frame * grid * grid, mask.begin() + (frame + 1) * grid * grid);
    std::vector<int> open;
    const auto visit = [&](int x, int y) {
        if (x < 0 || y < 0 || x >= grid || y >= grid || rest[size_t(y * grid + x)] == 0) return;
        rest[size_t(y * grid + x)] = 0;
        open.push_back(y * grid + x);
    };
    const int first = int(std::find(rest.begin(), rest.end(), 1) - rest.begin());
    int count = 0;
    visit(first % grid, first / grid);
    while (!open.empty()) {
        const int at = open.back();
        open.pop_back();
        count++;
        for (const auto &[dx, dy] : {std::pair{1, 0}, {-1, 0}, {0, 1}, {0, -1}}) visit(at % grid + dx, at / grid + dy);
    }
    return count;
}

} // namespace

TEST_CASE("every shape computes as many patches as the ratio says", "[patch_shape]") {
    for (const std::string &name : patch_shape_names()) {
        const PatchShape shape = patch_shape_named(name);
        for (const int grid : {1, 4, 7}) {
            for (const double rs : {0.0, 0.25, 0.5, 1.0}) {
                const std::vector<int> mask = patch_mask(shape, grid, 3, rs, {5}, 2);
                REQUIRE(mask.size() == size_t(3 * grid * grid));
                const int side = window_side(rs, grid);
                const int wanted = name == "all"    ? grid * grid
                                   : name == "none" ? 0
                                   : name == "crop" ? side * side
                                                    : selected_patches(rs, grid);
                INFO(name << ", grid " << grid << ", " << rs);
                for (int f = 0; f < 3; f++) CHECK(computed(mask, grid, f) == wanted);
            }
        }
    }
    CHECK(realised_patches(PatchShape::Blob, 7, .25) == Approx(12.0 / 49));
    CHECK(ratio_shape_names() == std::vector<std::string>{"random", "blob", "crop", "border", "centre"});
    CHECK(selected_patches(.25, 7) == 12);
    CHECK(selected_patches(.5, 7) == 25);
    CHECK_THROWS_WITH(patch_shape_named("disc"), Catch::Contains("'disc'") && Catch::Contains("blob"));
}

TEST_CASE("blobs hang together, borders and centres lie where they should", "[patch_shape]") {
    for (uint64_t seed = 1; seed <= 20; seed++) {
        const std::vector<int> blob = patch_mask(PatchShape::Blob, 7, 2, .3, {seed}, 0);
        for (int f = 0; f < 2; f++) CHECK(reached(blob, 7, f) == computed(blob, 7, f));
    }
    const std::vector<int> border = patch_mask(PatchShape::Border, 4, 1, .75, {1}, 0);
    CHECK(border == std::vector<int>{1, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1});
    const std::vector<int> centre = patch_mask(PatchShape::Centre, 3, 1, 1.0 / 9, {1}, 0);
    CHECK(centre == std::vector<int>{0, 0, 0, 0, 1, 0, 0, 0, 0});
}

TEST_CASE("a window has the nearest square number of patches", "[patch_shape]") {
    CHECK(window_side(.25, 4) == 2);
    CHECK(window_side(.25, 7) == 3); // 12.25: 3.25 from 9 and 3.75 from 16
    CHECK(window_side(.5, 7) == 5);  // 24.5
    CHECK(window_side(.75, 7) == 6); // 36.75
    CHECK(window_side(.5, 1) == 1);  // as far from 0 as from 1
    for (int grid = 1; grid <= 16; grid++) {
        CHECK(window_side(0, grid) == 0);
        CHECK(window_side(1, grid) == grid);
        for (int percent = 0; percent <= 100; percent++) {
            const double rs = percent / 100.0, wanted = rs * grid * grid;
            const int side = window_side(rs, grid);
            INFO("grid " << grid << ", " << rs << ": " << side);
            REQUIRE((side >= 0 && side <= grid));
            for (int other = 0; other <= grid; other++)
                CHECK(std::abs(side * side - wanted) <= std::abs(other * other - wanted));
            CHECK(realised_patches(PatchShape::Crop, grid, rs) == Approx(double(side * side) / (grid * grid)));
        }
    }
}

TEST_CASE("windows are squares inside the grid, and lie at every place", "[patch_shape]") {
    for (const auto &[grid, rs] : {std::pair{1, 1.0}, {2, .25}, {4, .25}, {7, .5}, {7, .02}, {7, 1.0}}) {
        const int side = window_side(rs, grid), places = (grid - side + 1) * (grid - side + 1), frames = 20 * places;
        std::map<std::pair<int, int>, int> seen; // how often by left and top
        const std::vector<int> mask = patch_mask(PatchShape::Crop, grid, frames, rs, {6}, 1);
        for (int f = 0; f < frames; f++) {
            const auto begin = mask.begin() + long(f) * grid * grid;
            const int first = int(std::find(begin, begin + grid * grid, 1) - begin);
            REQUIRE(first < grid * grid);
            const int left = first % grid, top = first / grid;
            INFO("grid " << grid << ", " << rs << ", frame " << f << ": " << left << ", " << top);
            for (int y = 0; y < grid; y++) {
                for (int x = 0; x < grid; x++) {
                    const bool inside = x >= left && x < left + side && y >= top && y < top + side;
                    REQUIRE(*(begin + y * grid + x) == int(inside));
                }
            }
            REQUIRE((left + side <= grid && top + side <= grid));
            seen[{left, top}]++;
        }
        CHECK(int(seen.size()) == places);
        for (const auto &[place, count] : seen) // 20 on average, the standard deviation below 4.5
            CHECK((places == 1 || (count > 2 && count < 42)));
    }
    const auto none = patch_mask(PatchShape::Crop, 7, 2, .005, {6}, 1);
    CHECK(std::count(none.begin(), none.end(), 1) == 0);
}

TEST_CASE("drawn windows follow from seed, clip, block and frame", "[patch_shape]") {
    const auto drawn = [](uint64_t seed, uint32_t sample, size_t block) {
        return patch_mask(PatchShape::Crop, 14, 4, .05, {seed, 0, sample}, block);
    };
    const std::vector<int> mask = drawn(1, 0, 0);
    CHECK(mask == drawn(1, 0, 0));
    for (const std::vector<int> &other : {drawn(2, 0, 0), drawn(1, 1, 0), drawn(1, 0, 1)})
        CHECK(mask != other);
    CHECK(std::vector<int>(mask.begin(), mask.begin() + 196) !=
          std::vector<int>(mask.begin() + 196, mask.begin() + 392));
}

TEST_CASE("drawn patches follow from seed, clip, block and frame", "[patch_shape]") {
    const auto drawn = [](uint64_t seed, uint32_t sample, size_t block) {
        return patch_mask(PatchShape::Random, 7, 2, .5, {seed, 0, sample}, block);
    };
    const std::vector<int> mask = drawn(1, 0, 0);
    CHECK(mask == drawn(1, 0, 0));
    for (const std::vector<int> &other : {drawn(2, 0, 0), drawn(1, 1, 0), drawn(1, 0, 1)}) CHECK(mask != other);
    CHECK(std::vector<int>(mask.begin(), mask.begin() + 49) != std::vector<int>(mask.begin() + 49, mask.end()));
}
