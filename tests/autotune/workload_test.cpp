// Which kernels are tuned, where they run, and that variants of a step are compared on equal data.
#include <catch2/catch.hpp>
#include <tuple>

#include "autotune/model_arguments.h"
#include "autotune/step_contest.h"
#include "autotune/workload.h"
#include "model/recipe.h"
#include "model/step_selection.h"
#include "runtime/error.h"
#include "runtime/json.h"
#include "tests/generators/tile_lists.h"
#include "tests/kernel_targets.h"

using namespace afnet;

namespace {

const std::string kSmall = AFNET_FIXTURES "/models/small_af_resnet.json";

Runs small_runs(std::vector<double> ratios = {0.5}) {
    Runs runs;
    runs.models = described_models({kSmall});
    runs.size = 64;
    runs.ratios = std::move(ratios);
    return runs;
}

// With masks in space of 4 x 4 patches.
Runs small_patches(std::vector<double> patch_ratios, double ratio = 0.5) {
    Runs runs = small_runs({ratio});
    runs.patch_ratios = std::move(patch_ratios);
    runs.grid = 4;
    return runs;
}

double steps_of(const std::vector<Workload> &work) {
    double steps = 0;
    for (const Workload &workload : work) {
        for (const Occurrence &occurrence : workload.occurrences)
            steps += occurrence.weight;
    }
    return steps;
}

RunShape small_shape() {
    RunShape shape;
    shape.frames = 4;
    shape.width = shape.height = 64;
    return shape;
}

} // namespace

TEST_CASE("kernels are chosen by glob, each once, in the order of their names", "[tune]") {
    const auto names = [](const std::vector<std::string> &globs) {
        std::vector<std::string> result;
        for (const Workload &workload : workloads(small_runs(), globs))
            result.push_back(workload.kernel.name());
        return result;
    };
    CHECK(names({"stem_c16"}) == std::vector<std::string>{"stem_c16"});
    CHECK(names({"stem*", "stem_c1?"}) == std::vector<std::string>{"stem_c16"});
    const auto linears = names({"linear*"});
    CHECK(linears == std::vector<std::string>{"linear_linear", "linear_relu", "linear_sigmoid"});
    CHECK(names({"*k3s2g1_8x8*"}).size() == 1);
    CHECK_THROWS_AS(names({"nosuch*"}), UsageError);
}

TEST_CASE("all steps of a plan are occurrences, alike ones together", "[tune]") {
    const LoweredNetwork network = lower(small_runs().models.front(), small_shape());
    CHECK(steps_of(workloads(small_runs(), {"*"})) == Approx(double(network.plan.steps.size())));
    // Ratios weigh alike.
    CHECK(steps_of(workloads(small_runs({0.25, 0.75}), {"conv2d*"})) ==
          Approx(steps_of(workloads(small_runs(), {"conv2d*"}))));
    // Two models that run the same steps double the weights and nothing else.
    Runs twice = small_runs();
    twice.models.push_back(twice.models.front());
    const auto once = workloads(small_runs(), {"conv2d*"}), both = workloads(twice, {"conv2d*"});
    CHECK(steps_of(both) == Approx(2 * steps_of(once)));
    REQUIRE(both.size() == once.size());
    CHECK(both.front().gmac() == Approx(2 * once.front().gmac()));
    CHECK(both.front().occurrences.size() == once.front().occurrences.size());
}

TEST_CASE("the ratio says how many frames listed steps compute", "[tune]") {
    const auto selected = [](double ratio, const char *glob) {
        return workloads(small_runs({ratio}), {glob}).front().occurrences.front().selected;
    };
    CHECK(selected(0.5, "*_gather") == 2);
    CHECK(selected(0.25, "*_scatter") == 1);
    CHECK(selected(0.5, "stem*") == -1);
    // Steps that compute nothing are none.
    CHECK_THROWS_AS(selected(0, "*_gather"), UsageError);
    Runs deep = small_runs({0.75});
    deep.models = {shipped_model("af_resnet50")};
    CHECK(workloads(deep, {"fill_unselected*"}).front().occurrences.front().selected == 9);
    deep.ratios = {1};
    CHECK_THROWS_AS(workloads(deep, {"fill_unselected*"}), UsageError);
    CHECK(workloads(small_runs({0.5}), {"*_16x16_relu_gather"}).front().gmac() ==
          Approx(2 * workloads(small_runs({0.25}), {"*_16x16_relu_gather"}).front().gmac()));
}

TEST_CASE("an occurrence survives the way to the measuring process", "[tune]") {
    Runs runs = small_runs();
    runs.dtype = Dtype::BF16;
    const Occurrence before = workloads(runs, {"*_gather"}).front().occurrences.front();
    const Occurrence after = occurrence_from(occurrence_json(before));
    CHECK(description_text(after.model) == description_text(before.model));
    CHECK(after.run.frames == before.run.frames);
    CHECK(after.run.width == 64);
    CHECK(after.run.height == 64);
    CHECK(after.run.dtype == Dtype::BF16);
    CHECK(after.step == before.step);
    CHECK(after.selected == before.selected);
    CHECK(after.weight == before.weight);
    CHECK(after.shape == before.shape);
}

TEST_CASE("the ratio of patches says how many points and tiles steps compute", "[tune]") {
    const auto occurrence = [](double rs, const char *glob, double rt = 0.5) {
        return workloads(small_patches({rs}, rt), {glob}).front().occurrences.front();
    };
    // Maps of 16, 8 and 4 pixels; 4 of 16 patches in 2 of 4 frames.
    const Occurrence points = occurrence(0.25, "conv2d_points*_16x16_*");
    CHECK(points.selected == 2 * 16 * 16 / 4);
    CHECK(points.gmac == Approx(2 * 16 * 16 / 4 * 16 * 8 / 1e9));
    CHECK(occurrence(0.5, "conv2d_points*_16x16_*").selected == 2 * points.selected);
    CHECK(occurrence(0.25, "conv2d_points*_16x16_*", 1).selected == 2 * points.selected);
    const Occurrence tiles = occurrence(0.25, "conv2d_tiles*_16x16_*");
    CHECK(tiles.selected == 2 * 4); // 4x4 pixels, as patches are
    CHECK(tiles.shape.find("0.25 of 4x4 patches of 2 frames") != std::string::npos);
    // Where so many are selected that blocks are computed whole, lists compute nothing, and whole frames else.
    CHECK_THROWS_AS(occurrence(1, "conv2d_points*"), UsageError);
    CHECK(occurrence(1, "mask_pixels*").selected == 2);
    CHECK_THROWS_AS(occurrence(0.25, "mask_pixels*"), UsageError);
    // Without --rs there are no such steps; with it ratios weigh alike.
    CHECK_THROWS_AS(workloads(small_runs(), {"conv2d_points*"}), UsageError);
    CHECK(steps_of(workloads(small_patches({0.25, 0.5}), {"conv2d_points*"})) ==
          Approx(steps_of(workloads(small_patches({0.25}), {"conv2d_points*"}))));
    CHECK(steps_of(workloads(small_patches({0.25, 1}), {"conv2d_points*"})) ==
          Approx(steps_of(workloads(small_patches({0.25}), {"conv2d_points*"})) / 2));
    Runs plain = small_patches({0.25});
    plain.models = {shipped_model("resnet50")};
    CHECK_THROWS_WITH(workloads(plain, {"*"}), Catch::Contains("masks in space"));
}

TEST_CASE("a model's own masks in space select every patch where no ratio is given", "[tune]") {
    Runs runs = small_runs({1});
    runs.models.front().masks = MaskKind::Spatial;
    runs.models.front().grid = 2;
    const Occurrence whole = workloads(runs, {"mask_pixels*"}).front().occurrences.front();
    CHECK(whole.selected == 4); // no temporal masks
    CHECK_THROWS_AS(workloads(runs, {"conv2d_points*"}), UsageError);
}

TEST_CASE("an isolated step's lists are those of its masks", "[tune]") {
    for (const auto &[width, height, grid] : {std::tuple{8, 8, 4}, {7, 5, 3}, {2, 2, 4}, {9, 4, 1}}) {
        for (const int side : {1, 2, 4}) {
            for (const double rs : {0.0, 0.3, 1.0}) {
                INFO(width << "x" << height << ", grid " << grid << ", side " << side << ", " << rs);
                RunShape run;
                run.frames = 5;
                run.forced_grid = grid;
                const int listed = 3;
                const StepMasks masks = step_masks(small_runs().models.front(), run, listed, rs);
                REQUIRE(masks.patches.size() == size_t(5 * grid * grid));
                std::vector<int> sources;
                for (int f = 0; f < 5; f++)
                    sources.insert(sources.end(), {f, f + 1, f == 0 ? 5 : f - 1});
                const TileLists expected({grid, grid, 5, masks.patches}, sources, listed, width, height, side);
                const PixelTiles tiles = mask_tiles(masks, 5, listed, width, height, side);
                CHECK(tiles.selected == expected.selected);
                CHECK(tiles.all == expected.all);
                CHECK(tiles.list == expected.list);
                CHECK(tiles.slots == expected.slots);
            }
        }
    }
}

namespace {

// Of all targets that run here, and the first once more.
std::vector<KernelStore *> variants_on_targets() {
    std::vector<KernelStore *> variants;
    for (const Target &target : runnable_targets())
        variants.push_back(&test_kernel_store(target));
    variants.push_back(variants.front());
    return variants;
}

} // namespace

TEST_CASE("variants of steps at points agree across targets, and read and write listed ones", "[tune]") {
    const std::vector<KernelStore *> variants = variants_on_targets();
    size_t steps = 0;
    for (const Workload &workload :
         workloads(small_patches({0.25}), {"conv2d_points*", "conv2d_tiles*", "tile_list*"})) {
        for (const Occurrence &before : workload.occurrences) {
            INFO(workload.kernel.name() << " at " << before.label);
            const Occurrence occurrence = occurrence_from(occurrence_json(before));
            StepContest contest(occurrence, variants, 1);
            const std::vector<double> first = contest.differences();
            for (double difference : first)
                CHECK(difference <= 2e-5);
            CHECK(contest.time({2, 1}).size() == variants.size());
            CHECK(contest.differences() == first);
            if (workload.kernel.generator == "tile_list") continue;
            // As many pixels as are selected change.
            const LoweredNetwork network = lower(occurrence.model, occurrence.run);
            const StepMasks masks = step_masks(occurrence.model, occurrence.run, 2, 0.25);
            IsolatedStep step(network, occurrence.step, *variants.front(), occurrence.model.name, recipe_weights(1));
            select(step, network, occurrence.step, masks);
            CHECK(step.frames() == occurrence.selected);
            const TensorMemory out = step.argument("output");
            const float *values = static_cast<const float *>(out.data);
            const std::vector<float> old(values, values + out.bytes / sizeof(float));
            step.run();
            size_t changed = 0;
            for (size_t i = 0; i < old.size(); i++)
                changed += values[i] != old[i];
            std::vector<int> map; // [1, x, y, f]
            for (const Argument &argument : network.plan.steps[occurrence.step].arguments)
                if (argument.name == "slots") map = network.plan.tensors[size_t(argument.tensor)].extents;
            const int pixels = mask_tiles(masks, map.at(3), 2, map.at(1), map.at(2), 1).selected;
            CHECK(changed == size_t(pixels) * size_t(std::stoi(workload.kernel.params.at("co"))));
            steps++;
        }
    }
    CHECK(steps >= 9);
}

TEST_CASE("variants of every step agree across targets, before and after they were timed", "[tune]") {
    const std::vector<KernelStore *> variants = variants_on_targets();
    for (const Workload &workload : workloads(small_runs(), {"[!f]*", "fuse*"})) { // fill_unselected needs F(0)
        for (const Occurrence &occurrence : workload.occurrences) {
            INFO(workload.kernel.name() << " at " << occurrence.label);
            StepContest contest(occurrence, variants, 1);
            const std::vector<double> first = contest.differences();
            REQUIRE(first.size() == variants.size());
            CHECK(first.front() == 0);
            CHECK(first.back() == 0); // the same kernel on memory of its own
            for (double difference : first)
                CHECK(difference <= 2e-5);
            const auto ms = contest.time({2, 1});
            REQUIRE(ms.size() == variants.size());
            for (const auto &samples : ms)
                CHECK(samples.size() == 2);
            // What works in place must start from the same data again, however often each variant ran.
            CHECK(contest.differences() == first);
        }
    }
}
