// The study of patch sizes: its arithmetic and reports on made-up times, and the convolution by itself on real lists.
#include <catch2/catch.hpp>
#include <map>
#include <sstream>

#include "bench/granularity_page.h"
#include "bench/granularity_report.h"
#include "bench/halo_bench.h"
#include "model/patch_shape.h"
#include "runtime/json.h"
#include "tests/kernel_targets.h"
#include "tests/model/network_run.h"
#include "tests/model/xml_check.h"

using namespace afnet;
using Catch::Matchers::Contains;

namespace {

// A block that takes 10 ms without masks, and by lists 1 ms and 12 ms for each part of pixels; 11 ms with all pixels.
GranularityRow row_at(const char *layer, int grid, double rs) {
    GranularityRow row;
    row.stage = "layer<1>";
    row.layer = row.stage + layer;
    row.patches = "blob";
    row.grid = grid;
    row.width = 28;
    row.tile_side = 4;
    row.rs = row.realised_rs = rs;
    row.computed = 1.5;
    row.read = 3;
    row.planned_break_even = 0.85;
    row.costs.dense = {2, 5, 3};
    row.costs.listed = {3 * rs, 6 * rs, 3 * rs};
    row.costs.index = 0.75;
    row.costs.fill = 0.25;
    row.costs.halo = 0.5 * rs;
    row.costs.whole = 11;
    return row;
}

GranularityResult made_up() {
    std::vector<GranularityRow> blocks;
    for (const int grid : {7, 14}) {
        for (const char *layer : {".0", ".1"}) {
            for (const double rs : {0.25, 0.5, 1.0})
                blocks.push_back(row_at(layer, grid, rs));
        }
    }
    GranularityResult result;
    result.machine.cpu = "cpu";
    result.machine.peaks = {{"x86-64-avx2", 2, 200, {1e10, 2e10}}};
    result.target = "x86-64-avx2";
    result.unselected = "masked";
    result.rounds = 5;
    result.cases = {{"a <model>", 12, 224, 1, 2, 5, 100, with_stages(blocks)}};
    return result;
}

} // namespace

TEST_CASE("lists cost what theory leaves, and lines that add up", "[sparsity_bench]") {
    const GranularityRow row = row_at(".0", 7, 0.25);
    CHECK(row.patch_side() == 4);
    CHECK(row.costs.listed_sum() == Approx(4));
    REQUIRE(row.share());
    CHECK(*row.share() == Approx((10 - 4) / (0.75 * 10)));
    CHECK_FALSE(row_at(".0", 7, 1).share());
    const std::map<std::string, double> expected = {
        {"index", 0.75}, {"gather", 0.75 - 0.5}, {"halo", 0.125}, {"compact", 0.25 - 0.125},
        {"scatter", 0},  {"fill", 0.25},         {"total", 1.5}};
    double sum = 0;
    const std::vector<CostLine> lines = row.lines();
    REQUIRE(lines.size() == expected.size());
    for (const CostLine &line : lines) {
        INFO(line.name);
        CHECK(line.ms == Approx(expected.at(line.name)).margin(1e-9));
        if (line.name != "total") sum += line.ms;
    }
    CHECK(lines.back().name == "total");
    CHECK(sum == Approx(lines.back().ms));
}

TEST_CASE("a stage is the sum of its blocks", "[sparsity_bench]") {
    GranularityRow first = row_at(".0", 7, 0.25), second = row_at(".1", 7, 0.25), third = row_at(".2", 7, 0.25);
    second.realised_rs = 0.5;
    third.computed = 3;
    const std::vector<GranularityRow> rows = with_stages({first, second, third, row_at(".0", 7, 0.5)});
    REQUIRE(rows.size() == 2 + 4);
    CHECK(rows[0].layer == rows[0].stage);
    CHECK(rows[0].blocks == 3);
    CHECK(rows[0].realised_rs == Approx(1 / 3.0));
    CHECK(rows[0].computed == Approx(2));
    CHECK(rows[0].costs.dense.sum() == Approx(30));
    CHECK(rows[0].costs.whole == Approx(33));
    CHECK(rows[0].costs.listed_sum() == Approx(12));
    CHECK(rows[1].blocks == 1);
    CHECK(rows[2].layer == "layer<1>.0");
}

TEST_CASE("lists stop to pay where all pixels take as long", "[sparsity_bench]") {
    const auto even = [](const std::vector<GranularityRow> &rows) { return break_evens(rows).at(0); };
    // 1 + 12 rs = 11
    const BreakEven usual = even({row_at("", 7, 0.25), row_at("", 7, 0.5), row_at("", 7, 1)});
    REQUIRE(usual.realised);
    CHECK(*usual.realised == Approx(10 / 12.0));
    CHECK(advice(usual) ==
          "layer<1>, patches of 4 pixels, blob: by lists up to RS 0.833, all pixels above; plans change at 0.850");
    GranularityRow slow = row_at("", 8, 0.25), quick = row_at("", 7, 1);
    slow.costs.whole = 3;
    quick.costs.whole = 14;
    CHECK_FALSE(even({slow}).realised);
    CHECK_THAT(advice(even({slow})), Contains("3.5 pixels") && Contains("all pixels at every RS"));
    CHECK_THAT(advice(even({quick})), Contains("by lists at every RS"));
    CHECK(break_evens(made_up().cases[0].rows).size() == 2 * 3);
}

TEST_CASE("reports of patch sizes have their fields", "[sparsity_bench]") {
    const GranularityResult result = made_up();
    const auto document = nlohmann::ordered_json::parse(granularity_json(result));
    CHECK(document.at("machine").at("cpu") == "cpu");
    REQUIRE(document.at("rows").size() == 2 * 3 * 3);
    const auto &row = document["rows"][0];
    for (const char *field : {"model",         "frames",    "size",
                              "batch",         "threads",   "target",
                              "stage",         "layer",     "blocks",
                              "patches",       "grid",      "patch_side",
                              "tile_side",     "rs",        "realised_rs",
                              "ms_dense",      "ms_listed", "ms_whole",
                              "share",         "ms_index",  "ms_gather",
                              "ms_compact",    "ms_halo",   "ms_scatter",
                              "ms_fill",       "ms_total",  "computed_per_pixel",
                              "read_per_pixel"}) {
        INFO(field);
        CHECK(row.contains(field));
    }
    CHECK(row.at("layer") == "layer<1>");
    CHECK(row.at("blocks") == 2);
    CHECK(row.at("ms_halo") == 0.25);
    CHECK(document["rows"][2].at("share").is_null());
    REQUIRE(document.at("break_evens").size() == 6);
    CHECK(document["break_evens"][0].at("break_even_rs").get<double>() == Approx(10 / 12.0));
    CHECK(document["break_evens"][0].at("planned_break_even") == 0.85);
    std::istringstream csv(granularity_csv(result));
    std::string line;
    std::getline(csv, line);
    CHECK_THAT(line, Catch::Matchers::StartsWith("model,frames,size,batch,threads,target,stage,layer,blocks,"));
    std::getline(csv, line);
    CHECK_THAT(line, Catch::Matchers::StartsWith("a <model>,12,224,1,2,x86-64-avx2,layer<1>,layer<1>,2,blob,7,4.0,4,"));
    CHECK_THAT(granularity_text(result), Contains("by lists up to RS 0.833") && Contains("blob 14x14"));
    const std::string page = granularity_page(result);
    CHECK(xml_fault(page) == "");
    CHECK(page.find("nan") == std::string::npos);
    for (const char *title : {"Share of the gain that is realised, blob, RS 0.25", "Beyond theory, layer&lt;1&gt;",
                              "Time of layer&lt;1&gt;&#39;s focal blocks", "Break-even", "by lists up to RS 0.833"}) {
        CHECK_THAT(page, Contains(title));
    }
    GranularityResult empty = result;
    empty.cases[0].rows.clear();
    CHECK_THAT(granularity_page(empty), Contains("No map of a focal block"));
}

TEST_CASE("the convolution in tiles runs on a mask's list and on a contiguous one", "[sparsity_bench]") {
    NetworkRun run;
    run.description = small_af_resnet(false);
    run.shape.frames = 2;
    run.shape.width = run.shape.height = 64;
    run.shape.forced_grid = 4; // patches of 4 pixels in the first stage
    const LoweredNetwork lowered = lower(run.description, run.shape);
    REQUIRE_FALSE(targets_for(run).empty());
    const auto kernels = open_kernels(AFNET_TEST_KERNELS, targets_for(run).back());
    const auto measured = [&](PatchShape shape, double rs) {
        HaloBench bench(lowered, lowered.patches.front().name, *kernels, run.description.name, recipe_weights(1));
        CHECK(bench.tile_side() == 4);
        return bench.measure(patch_pixels(patch_mask(shape, 4, 2, rs, {1}, 0), 4, 16, 16, 2));
    };
    const HaloFigures half = measured(PatchShape::Random, 0.5);
    CHECK(half.ms > 0);
    CHECK(half.contiguous_ms > 0);
    CHECK(half.computed == 1); // patches are tiles
    CHECK(half.read == Approx(36 / 16.0));
    const HaloFigures none = measured(PatchShape::None, 0);
    CHECK(none.ms == 0);
    CHECK(none.contiguous_ms == 0);
}
