// The kernels that sparse training with masks in space adds, against definitions in double: grids that divide maps or
// not, tiles of one pixel to whole frames, odd channels, clips' ends; lists with nothing, one patch, a checkerboard and
// everything in them. (An empty list calls few kernels: [tile_network].)
#include <catch2/catch.hpp>
#include <cmath>

#include "model/tile_side.h"
#include "tests/generators/kernel_run.h"
#include "tests/kernel_call.h"
#include "tests/reference/convolution_gradients.h"
#include "tests/reference/operators.h"
#include "tests/reference/pooling_gradients.h"
#include "tests/reference/tile_training.h"
#include "tests/sparse_training_cases.h"

using namespace afnet;
using reference::SpatialMask;
using reference::TileList;

namespace {

struct Shape {
    int c, x, y, grid, frames, clips;
    int side() const { return tile_side(x, y, grid); }
    int all_frames() const { return frames * clips; }
};

// One pixel; nothing to shift; tiles of 1, 2, 4 pixels and of a whole frame; a grid finer than the map.
const std::vector<Shape> kShapes = {{1, 1, 1, 1, 1, 1},  {7, 3, 2, 2, 3, 1}, {9, 4, 8, 2, 2, 3},    {17, 8, 8, 2, 3, 2},
                                    {64, 6, 3, 3, 2, 1}, {5, 2, 3, 5, 2, 2}, {136, 12, 12, 1, 2, 1}};

struct Masks {
    std::string text;
    SpatialMask patches;
    std::vector<double> frames; // of the temporal mask
};

std::vector<Masks> masks_of(const Shape &s) {
    const std::vector<double> all(size_t(s.all_frames()), 1);
    std::vector<double> some = all;
    for (size_t f = 1; f < some.size(); f += 2)
        some[f] = 0;
    const auto mask = [&](const std::function<bool(int i, int j, int f)> &chosen) {
        SpatialMask patches{s.grid, s.grid, s.all_frames(), {}};
        for (int f = 0; f < s.all_frames(); f++)
            for (int j = 0; j < s.grid; j++)
                for (int i = 0; i < s.grid; i++)
                    patches.patches.push_back(chosen(i, j, f));
        return patches;
    };
    const auto checkerboard = [](int i, int j, int f) { return (i + j + f) % 2 == 0; };
    return {{"none", mask([](int, int, int) { return false; }), all},
            {"one", mask([&](int i, int j, int f) { return i == s.grid - 1 && j == s.grid / 2 && f == 0; }), all},
            {"checkerboard", mask(checkerboard), all},
            {"checkerboard of some frames", mask(checkerboard), some},
            {"all", mask([](int, int, int) { return true; }), all}};
}

struct Case {
    Shape s;
    Masks masks;
    TileList list;

    Tensor4 random(const char *name) const { return random_frames(s.c, s.x, s.y, s.all_frames(), name); }
    Tensor4 random_compact(const char *name) const {
        return random_frames(s.c, s.side(), s.side(), list.selected, name);
    }
    int listed(bool selected) const { return selected ? list.selected : int(list.tiles.size()) - list.selected; }
    std::vector<std::array<int, 3>> part(bool selected) const {
        const auto middle = list.tiles.begin() + list.selected;
        return selected ? std::vector<std::array<int, 3>>(list.tiles.begin(), middle)
                        : std::vector<std::array<int, 3>>(middle, list.tiles.end());
    }
};

// Calls `check` for every shape and mask; `least`: tiles that the list selects.
template <class Check> void for_each_case(int least, const Check &check) {
    for (const Shape &s : kShapes) {
        for (const Masks &masks : masks_of(s)) {
            const Case in{s, masks, reference::tile_list(masks.patches, &masks.frames, s.x, s.y, s.side())};
            if (in.list.selected < least) continue;
            INFO(s.c << " channels, " << s.x << "x" << s.y << ", " << s.clips << " clips of " << s.frames << ", grid "
                     << s.grid << ", " << masks.text << ": " << in.list.selected << " tiles of side " << s.side());
            check(in);
        }
    }
}

KernelRun kernel(const KernelSpec &spec, const Target &target, Dtype dtype) {
    return KernelRun(spec, target, dtype, kSparseTrainingLibrary);
}

std::vector<int> sources_of(const std::vector<std::array<int, 3>> &tiles, const Shape &s) {
    std::vector<int> sources;
    for (const auto &tile : tiles) {
        const int f = tile[2], t = f % s.frames, beyond = s.all_frames();
        sources.insert(sources.end(), {f, t + 1 < s.frames ? f + 1 : beyond, t > 0 ? f - 1 : beyond});
    }
    return sources;
}

std::vector<int> places_of(const std::vector<std::array<int, 3>> &tiles) {
    std::vector<int> places;
    for (const auto &tile : tiles)
        places.insert(places.end(), {tile[0], tile[1]});
    return places;
}

// Slots with or without their border of zeroes.
std::vector<int> slots_of(const Case &in, int border) {
    const int columns = in.s.x / in.s.side() + 2 * border, rows = in.s.y / in.s.side() + 2 * border;
    std::vector<int> slots(size_t(columns * rows * in.s.all_frames()));
    for (int n = 0; n < in.list.selected; n++) {
        const auto &[i, j, f] = in.list.tiles[size_t(n)];
        slots[size_t((f * rows + j + border) * columns + i + border)] = n + 1;
    }
    return slots;
}

KernelRun &with_list(KernelRun &run, const Case &in, bool selected = true) {
    const auto tiles = in.part(selected);
    return run.in("sources", sources_of(tiles, in.s), {3, int(tiles.size())})
        .in("places", places_of(tiles), {2, int(tiles.size())});
}

Tensor4 numbers(const std::vector<int> &mask, int x, int y, int f) {
    Tensor4 result(x, y, f, 1);
    result.data.assign(mask.begin(), mask.end());
    return result;
}

Tensor4 row(const std::vector<double> &values) {
    Tensor4 result(int(values.size()), 1, 1, 1);
    result.data = values;
    return result;
}

std::vector<double> tile_products(const Tensor4 &a, const Tensor4 &b) {
    std::vector<double> result(size_t(a.f));
    const size_t each = a.data.size() / std::max<size_t>(size_t(a.f), 1);
    for (size_t i = 0; i < a.data.size(); i++)
        result[i / each] += a.data[i] * b.data[i];
    return result;
}

} // namespace

TEST_CASE("tiles are as large as every patch allows", "[tile_training]") {
    CHECK(tile_side(56, 56, 7) == 8);
    CHECK(tile_side(14, 14, 7) == 2);
    CHECK(tile_side(7, 7, 7) == 1);
    CHECK(tile_side(4, 4, 7) == 1);
    CHECK(tile_side(56, 28, 7) == 4);
    CHECK(tile_side(8, 8, 3) == 1);
    CHECK(tile_side(12, 8, 1) == 4);
    CHECK(tile_side(1, 1, 64) == 1);
}

TEST_CASE("masks of patches become lists of tiles", "[tile_training]") {
    for_each_case(0, [](const Case &in) {
        const Shape &s = in.s;
        for (const bool framed : {false, true}) {
            Case expected = in;
            expected.list =
                reference::tile_list(in.masks.patches, framed ? &in.masks.frames : nullptr, s.x, s.y, s.side());
            const int columns = s.x / s.side(), rows = s.y / s.side(), all = int(expected.list.tiles.size());
            for_training_targets([&](const Target &target, Dtype dtype) {
                FrameMemory patches(numbers(in.masks.patches.patches, s.grid, s.grid, s.all_frames()), 0, false, dtype);
                FrameMemory frames(row(in.masks.frames), 0, false, dtype);
                IntBuffer sources(3, all), places(2, all), slots(columns, rows, s.all_frames()), count(1);
                KernelCall(
                    test_kernel_store(target).kernel(with_dtype(KernelSpec("patch_tiles").set("framed", framed), dtype),
                                                     kSparseTrainingLibrary))
                    .bind("patches", patches.view().sliced(3))
                    .bind("frames", frames.view().sliced(3).sliced(2).sliced(1))
                    .set("frames_per_clip", s.frames)
                    .bind("sources", sources)
                    .bind("places", places)
                    .bind("slots", slots)
                    .bind("count", count)
                    .run();
                CHECK(std::vector<int>(sources.begin(), sources.end()) == sources_of(expected.list.tiles, s));
                CHECK(std::vector<int>(places.begin(), places.end()) == places_of(expected.list.tiles));
                CHECK(std::vector<int>(slots.begin(), slots.end()) == slots_of(expected, 0));
                CHECK(count(0) == expected.list.selected);
            });
        }
    });
}

TEST_CASE("selected tiles are gathered as the shift reads them", "[tile_training]") {
    for_each_case(1, [](const Case &in) {
        const Tensor4 input = in.random("input");
        for_training_targets([&](const Target &target, Dtype dtype) {
            for (const bool shift : {false, true}) {
                const Tensor4 expected =
                    reference::compact_tiles(shift ? reference::temporal_shift(input, in.s.frames) : input, in.list);
                KernelRun run = kernel(KernelSpec("gather_tiles").set("shift", shift), target, dtype);
                run.in("input", input, 4).out("output", expected.c, expected.x, expected.y, expected.f, 4);
                CHECK(with_list(run, in).run().at("output").data == expected.data);
            }
        });
    });
}

TEST_CASE("gradients of gathered tiles go where the tiles came from", "[tile_training]") {
    for_each_case(1, [](const Case &in) {
        const Tensor4 d_output = in.random_compact("d_output"), before = in.random("before");
        for_training_targets([&](const Target &target, Dtype dtype) {
            for (const bool shift : {false, true}) {
                Tensor4 expected = reference::spread_tiles(d_output, in.list);
                if (shift) expected = reference::temporal_shift_gradient(expected, in.s.frames);
                const KernelSpec spec = KernelSpec("gather_tiles_grad").set("shift", shift);
                KernelRun store = kernel(KernelSpec(spec).set("accumulate", false), target, dtype);
                store.in("d_output", d_output, 4).out("d_input", in.s.c, in.s.x, in.s.y, in.s.all_frames(), 4);
                CHECK(with_list(store, in).run().at("d_input").data == expected.data);
                KernelRun add = kernel(KernelSpec(spec).set("accumulate", true), target, dtype);
                add.in("d_output", d_output, 4).in_place("d_input", "", before, 4);
                CHECK(training_error(with_list(add, in).run().at("d_input"), reference::add(expected, before), 1,
                                     dtype) <= 1);
            }
        });
    });
}

TEST_CASE("tiles are surrounded by what is listed beside them", "[tile_training]") {
    for_each_case(1, [](const Case &in) {
        const Tensor4 input = in.random_compact("input"), expected = reference::surrounded_tiles(input, in.list);
        const int columns = in.s.x / in.s.side() + 2, rows = in.s.y / in.s.side() + 2;
        for_training_targets([&](const Target &target, Dtype dtype) {
            KernelRun run = kernel(KernelSpec("surround_tiles"), target, dtype);
            run.in("input", input, 4).out("output", expected.c, expected.x, expected.y, expected.f, 4);
            run.in("slots", slots_of(in, 1), {columns, rows, in.s.all_frames()}, {-1, -1, 0});
            CHECK(with_list(run, in).run().at("output").data == expected.data);
        });
    });
}

TEST_CASE("branches are added to the tiles of a list, and no other tile is touched", "[tile_training]") {
    for_each_case(0, [](const Case &in) {
        const Tensor4 state = in.random("state"), branch = in.random_compact("branch");
        Case others = in;
        others.list.tiles = in.part(false);
        others.list.selected = int(others.list.tiles.size());
        for_training_targets([&](const Target &target, Dtype dtype) {
            for (const char *activation : {"relu", "linear"}) {
                Tensor4 expected = reference::add(state, reference::spread_tiles(branch, in.list));
                if (activation == std::string("relu")) expected = reference::relu(expected);
                for (const bool selected : {true, false}) {
                    if (in.listed(selected) == 0) continue;
                    KernelRun run =
                        kernel(KernelSpec("scatter_tiles").set("activation", activation).set("add_branch", selected),
                               target, dtype);
                    run.in("state", state, 4).in("branch", selected ? branch : state, 4).in("side", in.s.side());
                    run.out("output", in.s.c, in.s.x, in.s.y, in.s.all_frames(), 4);
                    const Tensor4 output = with_list(run, in, selected).run().at("output");
                    const TileList &written = selected ? in.list : others.list,
                                   &rest = selected ? others.list : in.list;
                    CHECK(training_error(reference::compact_tiles(output, written),
                                         reference::compact_tiles(expected, written), 1, dtype) <= 1);
                    const Tensor4 untouched = reference::compact_tiles(output, rest);
                    CHECK(std::all_of(untouched.data.begin(), untouched.data.end(),
                                      [](double v) { return std::isnan(v); }));
                }
            }
        });
    });
}

TEST_CASE("a branch's gradient is its tile's, and its worth their product", "[tile_training]") {
    for_each_case(1, [](const Case &in) {
        const Tensor4 d_sum = in.random("d_sum"), branch = in.random_compact("branch");
        const Tensor4 expected = reference::compact_tiles(d_sum, in.list);
        const Tensor4 worth = row(tile_products(expected, branch));
        const Tensor4 size = row(tile_products(absolute(expected), absolute(branch)));
        for_training_targets([&](const Target &target, Dtype dtype) {
            KernelRun run = kernel(KernelSpec("scatter_tiles_grad"), target, dtype);
            run.in("d_sum", d_sum, 4).in("branch", branch, 4);
            run.out("d_branch", branch.c, branch.x, branch.y, branch.f, 4).out("worth", branch.f, 1, 1, 1, 1);
            const auto result = with_list(run, in).run();
            CHECK(result.at("d_branch").data == expected.data);
            CHECK(training_error(result.at("worth"), worth, size, in.s.side(), dtype) <= 1);
        });
    });
}

TEST_CASE("a patch's gradient is what its tiles are worth", "[tile_training]") {
    for_each_case(0, [](const Case &in) {
        const Shape &s = in.s;
        // Behind the selected ones nothing was written.
        Tensor4 worth(int(in.list.tiles.size()), 1, 1, 1);
        std::fill(worth.data.begin(), worth.data.end(), std::nan(""));
        const Tensor4 known = random_frames(std::max(in.list.selected, 1), 1, 1, 1, "worth");
        std::copy_n(known.data.begin(), in.list.selected, worth.data.begin());
        Tensor4 patches(s.grid, s.grid, s.all_frames(), 1), frames(s.all_frames(), 1, 1, 1);
        const int columns = s.x / s.side(), rows = s.y / s.side();
        for (int n = 0; n < in.list.selected; n++) {
            const auto &[i, j, f] = in.list.tiles[size_t(n)];
            patches.at(i * s.grid / columns, j * s.grid / rows, f, 0) += known.data[size_t(n)];
            frames.data[size_t(f)] += known.data[size_t(n)];
        }
        for_training_targets([&](const Target &target, Dtype dtype) {
            for (const bool framed : {false, true}) {
                KernelRun run = kernel(KernelSpec("patch_selection_grad").set("framed", framed), target, dtype);
                run.in("worth", worth, 1).in("slots", slots_of(in, 0), {columns, rows, s.all_frames()});
                run.out("d_patches", s.grid, s.grid, s.all_frames(), 1, 3).out("d_frames", s.all_frames(), 1, 1, 1, 1);
                const auto result = run.run();
                CHECK(training_error(result.at("d_patches"), patches, columns * rows, dtype) <= 1);
                const Tensor4 expected = framed ? frames : Tensor4(s.all_frames(), 1, 1, 1);
                CHECK(training_error(result.at("d_frames"), expected, columns * rows, dtype) <= 1);
            }
        });
    });
}

TEST_CASE("a convolution with turned filters is the gradient of one to its input", "[tile_training]") {
    for (const auto &[ci, co, groups, kernel_side] :
         std::vector<std::array<int, 4>>{{1, 1, 1, 3}, {6, 10, 2, 3}, {34, 18, 2, 3}, {17, 5, 1, 3}, {4, 8, 1, 1}}) {
        INFO(ci << " to " << co << " channels, " << groups << " groups, " << kernel_side);
        const Tensor4 weights = random_frames(co, ci / groups, kernel_side, kernel_side, "weights");
        const Tensor4 d_output = random_frames(co, 5, 4, 2, "d_output");
        const int padding = (kernel_side - 1) / 2;
        const Tensor4 expected =
            reference::conv2d_grad_input(d_output, {co, kernel_side, 1, padding, groups}, weights, ci, 5, 4);
        for_training_targets(
            [&, ci = ci, co = co, groups = groups, k = kernel_side](const Target &target, Dtype dtype) {
                KernelRun run = kernel(KernelSpec("turned_filters").set("groups", groups), target, dtype);
                run.in("weights", weights, 4).out("turned", ci, co / groups, k, k, 4);
                const Tensor4 turned = run.run().at("turned");
                const Tensor4 ours =
                    reference::conv2d(d_output, {ci, k, 1, padding, groups}, reference::conv2d_weight(turned));
                CHECK(training_error(ours, expected, 1, Dtype::F64) <= 1);
            });
    }
}
