// Verdicts on results that are made up, and what is refused as a result.
#include "bench/comparison.h"

#include <catch2/catch.hpp>

#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/json.h"
#include "tests/temporary_folder.h"

using namespace afnet;
using Catch::Matchers::Contains;
using Json = nlohmann::json;

namespace {

Json machine() {
    return {{"cpu", "A"},
            {"threads", 2},
            {"target", "x86-64-avx2"},
            {"fma_peak_gmac_per_s", 100.0},
            {"memory_bytes_per_s", 1e10},
            {"busy_share", 0.01}};
}

Json row(const char *model, double rt, double median, double p95, int samples = 30) {
    return {{"model", model}, {"frames", 12}, {"rt", rt},          {"ms_median", median},
            {"ms_p95", p95},  {"gmac", 1},    {"realised_rt", rt}, {"samples", samples}};
}

BenchResult result(const std::vector<Json> &rows, const Json &on = machine()) {
    const TemporaryFolder folder;
    write_file(folder.file("result.json"), Json{{"machine", on}, {"rows", rows}}.dump());
    return read_result(folder.file("result.json"));
}

Verdict verdict(const Json &before, const Json &after, double threshold = 0.03) {
    const Comparison comparison = compare_results(result({before}), result({after}), threshold);
    REQUIRE(comparison.rows.size() == 1);
    return comparison.rows[0].verdict;
}

std::string refusal(const std::string &text) {
    const TemporaryFolder folder;
    write_file(folder.file("result.json"), text);
    try {
        read_result(folder.file("result.json"));
    } catch (const Error &error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("a row is slower where noise and threshold do not explain it", "[bench]") {
    CHECK(verdict(row("m", 1, 100, 101), row("m", 1, 110, 111)) == Verdict::Slower);
    CHECK(verdict(row("m", 1, 110, 111), row("m", 1, 100, 101)) == Verdict::Quicker);
    CHECK(verdict(row("m", 1, 100, 101), row("m", 1, 102, 103)) == Verdict::Same);
    CHECK(verdict(row("m", 1, 100, 101), row("m", 1, 102, 103), 0.01) == Verdict::Slower);
    CHECK(verdict(row("m", 1, 100, 100), row("m", 1, 100, 100), 0) == Verdict::Same);
    CHECK(verdict(row("m", 1, 100, 101), row("m", 1, 110, 111), 0.2) == Verdict::Same);
}

TEST_CASE("the more samples vary, and the fewer there are, the more is noise", "[bench]") {
    CHECK(verdict(row("m", 1, 100, 150), row("m", 1, 110, 160)) == Verdict::Same);
    CHECK(verdict(row("m", 1, 100, 110, 30), row("m", 1, 110, 121, 30)) == Verdict::Slower);
    CHECK(verdict(row("m", 1, 100, 110, 3), row("m", 1, 110, 121, 3)) == Verdict::Same);
    // Ten thousand calls in one go are not ten thousand independent ones.
    CHECK(verdict(row("m", 1, 100, 150, 10000), row("m", 1, 110, 160, 10000)) == Verdict::Same);
    CHECK(verdict(row("m", 1, 100, 105, 30), row("m", 1, 110, 125, 3)) == Verdict::Same);
    CHECK(verdict(row("m", 1, 100, 100, 2), row("m", 1, 200, 200, 30)) == Verdict::Unclear);
    Json unknown = row("m", 1, 100, 105);
    unknown.erase("samples");
    CHECK(verdict(unknown, row("m", 1, 105, 105)) == Verdict::Same);
    CHECK(verdict(unknown, row("m", 1, 120, 120)) == Verdict::Slower);
}

TEST_CASE("the noise of a median is twice its standard error", "[bench]") {
    const ResultRow r = result({row("m", 1, 100, 116.45, 25)}).rows[0];
    CHECK(median_noise(r) == Approx(2 * 1.2533 * 0.1 / 5));
    const Comparison c = compare_results(result({row("m", 1, 100, 116.45, 25)}), result({row("m", 1, 50, 50)}), 0);
    CHECK(c.rows[0].ratio == Approx(0.5));
    CHECK(c.rows[0].low == Approx(0.5 / (1 + median_noise(r))));
    CHECK(c.rows[0].high == Approx(0.5 * (1 + median_noise(r))));
}

TEST_CASE("rows are matched by what they measure, in any order", "[bench]") {
    const BenchResult before = result({row("a", 1, 10, 10), row("a", 0.5, 5, 5), row("b", 1, 7, 7)});
    const BenchResult after =
        result({row("c", 1, 1, 1), row("a", 0.5, 6, 6), row("a", 1, 10, 10), row("a", 1, 20, 20)});
    const Comparison comparison = compare_results(before, after, 0.03);
    REQUIRE(comparison.rows.size() == 2);
    CHECK(comparison.rows[0].ratio == 1);
    CHECK(comparison.rows[1].ratio == Approx(1.2));
    CHECK(comparison.rows[1].identity ==
          std::vector<std::pair<std::string, std::string>>{{"model", "a"}, {"frames", "12"}, {"rt", "0.5"}});
    CHECK(comparison.count(Verdict::Slower) == 1);
    CHECK(comparison.only_before == 1);
    CHECK(comparison.only_after == 2);
    // A row that is there twice is matched with its like, first with first.
    const Comparison twice = compare_results(result({row("a", 1, 1, 1), row("a", 1, 2, 2)}),
                                             result({row("a", 1, 1, 1), row("a", 1, 2, 2)}), 0);
    CHECK(twice.rows.at(1).ratio == 1);
    CHECK_THROWS_WITH(compare_results(before, result({row("d", 1, 1, 1)}), 0), Contains("no row measures"));
}

TEST_CASE("rows with masks in space are told apart by them, others are as before there were any", "[bench]") {
    const auto with = [](double rs, const Json &grid, double ms) {
        Json changed = row("a", 1, ms, ms);
        changed["rs"] = rs;
        changed["grid"] = grid;
        changed["patches"] = grid.is_null() ? Json() : Json("blob");
        return changed;
    };
    const Comparison spatial = compare_results(result({with(0.25, 7, 5), with(0.5, 7, 8), with(0.5, 14, 9)}),
                                               result({with(0.5, 14, 9), with(0.5, 7, 8), with(0.25, 7, 10)}), 0);
    REQUIRE(spatial.rows.size() == 3);
    CHECK(spatial.rows[0].ratio == 2);
    CHECK(spatial.rows[1].ratio == 1);
    CHECK(spatial.rows[2].ratio == 1);
    CHECK(compare_results(result({row("a", 1, 5, 5)}), result({with(1, nullptr, 5)}), 0).rows.size() == 1);
}

TEST_CASE("a comparison says what makes it doubtful", "[bench]") {
    CHECK(compare_results(result({row("a", 1, 1, 1)}), result({row("a", 1, 1, 1)}), 0).remarks.empty());
    Json other = machine();
    other["cpu"] = "B";
    other["threads"] = 4;
    other["busy_share"] = 0.4;
    const auto remarks = compare_results(result({row("a", 1, 1, 1)}), result({row("a", 1, 1, 1)}, other), 0).remarks;
    REQUIRE(remarks.size() == 3);
    CHECK_THAT(remarks[0], Contains("processor A before, B after"));
    CHECK_THAT(remarks[1], Contains("threads 2 before, 4 after"));
    CHECK_THAT(remarks[2], Contains("others used 40 %"));
}

TEST_CASE("files that are no results are refused with what is wrong", "[bench]") {
    CHECK(refusal(Json{{"machine", machine()}, {"rows", {row("m", 1, 1, 1)}}}.dump()).empty());
    CHECK_THAT(refusal(""), Contains("no JSON"));
    CHECK_THAT(refusal("\x80"), Contains("no JSON"));
    CHECK_THAT(refusal(std::string(100000, '[')), Contains("no JSON"));
    CHECK_THAT(refusal("[1, 2]"), Contains("no object"));
    CHECK_THAT(refusal("{}"), Contains("no machine"));
    CHECK_THAT(refusal(R"({"machine": {"cpu": 1}, "rows": []})"), Contains("no cpu"));
    CHECK_THAT(refusal(Json{{"machine", machine()}, {"rows", Json::array()}}.dump()), Contains("no rows"));
    CHECK_THAT(refusal(Json{{"machine", machine()}, {"rows", {1}}}.dump()), Contains("row 0 is no object"));
    const auto with = [](const char *key, const Json &value) {
        Json changed = row("m", 1, 10, 11);
        changed[key] = value;
        return refusal(Json{{"machine", machine()}, {"rows", {row("m", 1, 10, 11), changed}}}.dump());
    };
    CHECK(with("more", 1).empty());
    CHECK_THAT(with("ms_median", "fast"), Contains("row 1: ms_median is '\"fast"));
    CHECK_THAT(with("ms_median", nullptr), Contains("row 1: ms_median is"));
    CHECK_THAT(with("ms_median", 0), Contains("make no sense"));
    CHECK_THAT(with("ms_p95", 1), Contains("make no sense"));
    CHECK_THAT(with("samples", 0), Contains("samples"));
    CHECK_THAT(with("model", Json::array()), Contains("model is a list"));
    Json nameless = {{"ms_median", 1}, {"ms_p95", 1}};
    CHECK_THAT(refusal(Json{{"machine", machine()}, {"rows", {nameless}}}.dump()), Contains("what it measures"));
    Json odd = machine();
    odd["threads"] = 1e300;
    CHECK_THAT(refusal(Json{{"machine", odd}, {"rows", {row("m", 1, 1, 1)}}}.dump()), Contains("threads"));
    CHECK_THROWS_AS(read_result("/nowhere.json"), Error);
}
