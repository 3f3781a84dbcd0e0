// The reports of made-up studies: fields, columns and a page that browsers and printers can read.
#include <catch2/catch.hpp>
#include <sstream>

#include "bench/sparsity_page.h"
#include "bench/sparsity_report.h"
#include "runtime/json.h"
#include "tests/model/xml_check.h"

using namespace afnet;
using Catch::Matchers::Contains;

namespace {

const std::vector<std::string> kRowFields = {
    "model", "frames",      "size",      "batch",  "threads", "dtype",      "target",         "mask",
    "rt",    "realised_rt", "ms_median", "ms_p95", "gmac",    "gmac_dense", "speedup_theory", "speedup_measured",
    "share", "share_macs"};

SparsityPoint point_at(const std::string &mask, double rt) {
    SparsityPoint point;
    point.mask = mask;
    point.rt = point.realised_rt = rt;
    point.ms = {60 + 45 * rt, 70 + 45 * rt, 55 + 45 * rt, 5};
    point.gmac = 8 + 2.1 * rt;
    SparsityAccount &a = point.account;
    a.theory_ms = 60 + 40 * rt;
    a.speedup_theory = 100 / a.theory_ms;
    a.speedup_measured = 100 / point.ms.median;
    a.share = gain_share(a.speedup_measured, a.speedup_theory);
    a.share_macs = gain_share(a.speedup_measured, 10 / point.gmac);
    a.blocks = {{"block <1>", {rt, 1}, 20, 20 * rt, 21 * rt, 0.1}, {"block 2", {rt, 1}, 20, 20 * rt, 22 * rt, 0.1}};
    for (const char *name :
         {"navigation", "index building", "gather", "compact", "scatter", "fill", "other layers", "between kernels"}) {
        a.overheads.push_back({name, 0.625 * rt, 0.625 * rt});
    }
    a.overheads.push_back({"total", 5 * rt, 5 * rt});
    return point;
}

SparsityCase case_of(const std::string &model, int frames) {
    SparsityCase c;
    c.model = model;
    c.frames = frames;
    c.size = 224;
    c.batch = 1;
    c.threads = 2;
    c.peak = {"x86-64-avx2", 2, 200, {1e10, 2e10}};
    c.dtype = "f32";
    c.dense_ms = {100, 110, 95, 5};
    c.gmac_dense = 10;
    for (const char *mask : {"first", "random"}) {
        for (double rt : {0.0, 0.5, 1.0}) c.points.push_back(point_at(mask, rt));
    }
    c.kernels = {{"conv2d_<a>", false, 3, 5, 150, 2e9, 75}, {"conv2d_b", true, 2, 6, 140, 3e9, 46}};
    return c;
}

SparsityResult result_of(const std::string &model) {
    SparsityResult result;
    result.machine.cpu = "cpu";
    result.machine.peaks = {{"x86-64-avx2", 2, 200, {1e10, 2e10}}};
    result.target = "x86-64-avx2";
    result.unselected = "masked";
    result.rounds = 5;
    result.seed = 1;
    result.cases = {case_of(model, 8), case_of(model, 12)};
    return result;
}

// Beside these, masks in space at RT .5: a blob on a grid of 7.
SparsityResult spatial_result() {
    SparsityResult result = result_of("m");
    for (SparsityCase &c : result.cases) {
        for (const double rs : {0.25, 1.0}) {
            SparsityPoint point = point_at("first", 0.5);
            point.patches = "blob <b>";
            point.grid = 7;
            point.rs = rs;
            point.realised_rs = rs - 0.01 * (rs < 1);
            point.ms = {65 + 20 * rs, 75, 60, 5};
            for (BlockTimes &block : point.account.blocks)
                block.realised.rs = rs;
            point.account.overheads.insert(point.account.overheads.begin(), {"patch lists", 0.5, 0.5});
            c.points.push_back(point);
        }
    }
    return result;
}

std::vector<std::string> lines_of(const std::string &text) {
    std::istringstream stream(text);
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

}  // namespace

TEST_CASE("JSON has the agreed fields in every row", "[sparsity_bench]") {
    const auto document = nlohmann::ordered_json::parse(sparsity_json(result_of("a \xff model")));
    CHECK(document.at("machine").at("fma_peak_gmac_per_s") == 200);
    CHECK(document.at("machine").at("target") == "x86-64-avx2");
    CHECK(document.at("machine").at("cpu") == "cpu");
    CHECK(document.at("machine").at("memory_bytes_per_s") == 2e10);
    CHECK(document.at("machine").at("threads") == 2);
    REQUIRE(document.at("rows").size() == 2 * (1 + 6));
    for (const auto &row : document.at("rows")) {
        std::vector<std::string> names;
        for (const auto &[name, value] : row.items()) names.push_back(name);
        REQUIRE(names.size() >= kRowFields.size());
        CHECK(std::vector<std::string>(names.begin(), names.begin() + long(kRowFields.size())) == kRowFields);
        CHECK(row.at("dtype") == "f32");
    }
    const auto &dense = document["rows"][0], &none = document["rows"][1], &half = document["rows"][2],
               &all = document["rows"][3];
    CHECK(dense.at("mask") == "none");
    CHECK(dense.at("ms_median") == 100);
    CHECK(dense.at("speedup_measured") == 1);
    CHECK(dense.at("share").is_null());
    CHECK(none.at("rt") == 0);
    CHECK(half.at("realised_rt") == 0.5);
    CHECK(half.at("share").get<double>() == Approx((100 / 82.5 - 1) / (100 / 80.0 - 1)));
    CHECK(all.at("share").is_null());
    CHECK(all.at("share_macs").is_null());
}

TEST_CASE("JSON tells of ratio 1, blocks, overheads and kernels", "[sparsity_bench]") {
    const auto document = nlohmann::ordered_json::parse(sparsity_json(result_of("m")));
    REQUIRE(document.at("summaries").size() == 2 * 2);
    const auto &summary = document["summaries"][0];
    CHECK(summary.at("mask") == "first");
    CHECK(summary.at("ms_dense") == 100);
    CHECK(summary.at("ms_full").get<double>() == Approx(105));
    CHECK(summary.at("full_overhead").get<double>() == Approx(0.05));
    CHECK(summary.at("break_even_rt").get<double>() == Approx(40 / 45.0));
    CHECK(document.at("overheads").size() == 2 * 6 * 9);
    CHECK(document["overheads"][0].at("overhead") == "navigation");
    CHECK(document.at("blocks").size() == 2 * 6 * 2);
    CHECK(document["blocks"][0].at("block") == "block <1>");
    REQUIRE(document.at("kernels").size() == 2 * 2);
    CHECK(document["kernels"][0].at("network") == "dense");
    CHECK(document["kernels"][1].at("network") == "masked");
    CHECK(document["kernels"][1].at("macs_per_byte") == 46);
}

TEST_CASE("CSV has the JSON's rows", "[sparsity_bench]") {
    const std::vector<std::string> lines = lines_of(sparsity_csv(result_of("a, \"b\"")));
    REQUIRE(lines.size() == 1 + 2 * 7);
    std::string names;
    for (const std::string &name : kRowFields) names += name + ",";
    CHECK(lines[0].rfind(names, 0) == 0);
    CHECK(lines[1].rfind("\"a, \"\"b\"\"\",8,224,1,2,f32,x86-64-avx2,none,1.0,1.0,100.0,110.0,10.0,10.0,1.0,1.0,,,",
                         0) == 0);
    CHECK(lines[2].rfind("\"a, \"\"b\"\"\",8,224,1,2,f32,x86-64-avx2,first,0.0,0.0,60.0,", 0) == 0);
}

TEST_CASE("the text says each overhead, ratio 1 and the break-even", "[sparsity_bench]") {
    const std::string text = sparsity_text(result_of("m"));
    CHECK_THAT(text, Contains("m, 12 frames of 224x224, batch 1, 2 threads"));
    CHECK_THAT(text, Contains("overhead at RT 1 5.0 %; break-even at RT 0.889"));
    for (const char *line : {"\nnavigation ", "\nindex building ", "\ngather ", "\nscatter ", "\nfill ", "\ntotal "}) {
        CHECK_THAT(text, Contains(line));
    }
}

TEST_CASE("the page is well-formed, whatever models are called, and shows every figure", "[sparsity_bench]") {
    const std::string page = sparsity_page(result_of("dir/<b>&\"m\"\x01\xff.safetensors"));
    CHECK(xml_fault(page) == "");
    CHECK(page.find("nan") == std::string::npos);
    for (const char *title : {"Time of a run", "Share of the gain", "Time of each focal block, mask first",
                              "What RT 0.500 saves and costs, mask random", "Roofline", "Speed-up over the network",
                              "break-even RT", "prefers-color-scheme"}) {
        CHECK_THAT(page, Contains(title));
    }
    CHECK_THAT(page, Contains("dir/&lt;b&gt;&amp;&quot;m&quot;"));
}

TEST_CASE("JSON tells of masks in space, and leaves null where there are none", "[sparsity_bench]") {
    const auto plain = nlohmann::ordered_json::parse(sparsity_json(result_of("m")));
    CHECK_FALSE(plain.contains("patch_summaries"));
    for (const auto &row : plain.at("rows")) {
        CHECK(row.at("patches").is_null());
        CHECK(row.at("grid").is_null());
        CHECK(row.at("rs") == 1);
        CHECK(row.at("realised_rs") == 1);
    }
    for (const auto &line : plain.at("overheads"))
        CHECK_FALSE(line.contains("rs"));
    const auto document = nlohmann::ordered_json::parse(sparsity_json(spatial_result()));
    CHECK(document.at("summaries") == plain.at("summaries"));
    REQUIRE(document.at("rows").size() == 2 * (1 + 6 + 2));
    const auto &quarter = document["rows"][7];
    CHECK(quarter.at("patches") == "blob <b>");
    CHECK(quarter.at("grid") == 7);
    CHECK(quarter.at("rs") == 0.25);
    CHECK(quarter.at("realised_rs") == 0.24);
    REQUIRE(document.at("patch_summaries").size() == 2);
    const auto &summary = document["patch_summaries"][0];
    CHECK(summary.at("mask") == "first");
    CHECK(summary.at("rt") == 0.5);
    CHECK(summary.at("ms_all_patches") == 82.5);
    CHECK(summary.at("ms_full").get<double>() == Approx(85));
    CHECK(summary.at("full_overhead").get<double>() == Approx(85 / 82.5 - 1));
    CHECK(summary.at("break_even_rs").get<double>() == Approx(0.24 + 0.76 * (82.5 - 70) / 15));
    CHECK(document.at("overheads").size() == 2 * (6 * 9 + 2 * 10));
    const auto &line = document["overheads"][6 * 9];
    CHECK(line.at("overhead") == "patch lists");
    CHECK(line.at("rs") == 0.25);
    CHECK(document["blocks"][2 * 6].at("realised_rs") == 0.25);
}

TEST_CASE("CSV, text and page tell of masks in space", "[sparsity_bench]") {
    const SparsityResult result = spatial_result();
    const std::vector<std::string> lines = lines_of(sparsity_csv(result));
    REQUIRE(lines.size() == 1 + 2 * 9);
    CHECK_THAT(lines[0], Catch::Matchers::EndsWith(",patches,grid,rs,realised_rs"));
    CHECK_THAT(lines[1], Catch::Matchers::EndsWith(",,,1.0,1.0"));
    CHECK_THAT(lines[8], Catch::Matchers::EndsWith(",blob <b>,7,0.25,0.24"));
    const std::string text = sparsity_text(result);
    CHECK_THAT(text, Contains("mask first, RT 0.500, blob <b> 7x7: overhead at RS 1 3.0 %") &&
                         Contains("break-even at RS 0.873") && Contains("\npatch lists"));
    const std::string page = sparsity_page(result);
    CHECK(xml_fault(page) == "");
    CHECK(page.find("nan") == std::string::npos);
    for (const char *title :
         {"Time of a run, mask first, blob &lt;b&gt; 7x7", "Share of the gain that is realised, mask first",
          "What RS 0.240 saves and costs, mask first, RT 0.500", "Time of each focal block, mask first, RT 0.500",
          "break-even RS"}) {
        CHECK_THAT(page, Contains(title));
    }
}
