// Which measurements make a record.
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>

#include "autotune/verdict.h"
#include "runtime/json.h"
#include "tests/runtime/file_checks.h"

using namespace afnet;
using namespace afnet_test;

namespace {

// Five rounds in which a candidate takes `ratio` of the automatic kernel's time, on a machine that drifts.
Measurement candidate(int knob, double ratio, Outcome outcome = Outcome::Ok) {
    Measurement m;
    if (knob != 0) m.knobs = {{"k", knob}};
    m.outcome = outcome;
    for (double drift : {1.0, 1.3, 2.0, 1.1, 1.7}) {
        m.automatic_ms.push_back(10 * drift);
        m.ms.push_back(10 * drift * ratio);
    }
    return m;
}

std::vector<int> knobs_of(const std::vector<Measurement> &measurements) {
    std::vector<int> values;
    for (const Measurement &m : measurements)
        values.push_back(m.knobs.at("k"));
    return values;
}

} // namespace

TEST_CASE("a gain counts beyond the noise only", "[tune]") {
    const std::vector<double> holder = {10, 20, 30, 40};
    CHECK(beats({9, 18, 27, 36}, holder, 0.02));
    CHECK_FALSE(beats({9.9, 19.8, 29.7, 39.6}, holder, 0.02));
    // A median that gains, but rounds that do not agree.
    CHECK_FALSE(beats({5, 10, 33, 44}, holder, 0.02));
    CHECK_FALSE(beats({}, holder, 0.02));
    CHECK(ratio_to_automatic(candidate(1, 0.5)) == Approx(0.5));
    CHECK(std::isinf(ratio_to_automatic(candidate(1, 0.5, Outcome::Wrong))));
}

TEST_CASE("the best few right candidates are finalists, and the record always", "[tune]") {
    const std::vector<Measurement> all = {
        candidate(0, 1),   candidate(1, 0.9), candidate(2, 1.2), candidate(3, 0.7), candidate(4, 0.1, Outcome::Wrong),
        candidate(5, 0.8), candidate(6, 0.95)};
    CHECK(knobs_of(finalists(all, nullptr, 2)) == std::vector<int>{3, 5});
    CHECK(knobs_of(finalists(all, nullptr, 10)) == std::vector<int>{3, 5, 1, 6});
    const Knobs slow = {{"k", 2}}, wrong = {{"k", 4}}, automatic;
    CHECK(knobs_of(finalists(all, &slow, 2)) == std::vector<int>{2, 3, 5});
    CHECK(knobs_of(finalists(all, &wrong, 2)) == std::vector<int>{3, 5});
    CHECK(knobs_of(finalists(all, &automatic, 2)) == std::vector<int>{3, 5});
}

TEST_CASE("a winner beats the automatic knobs and the record", "[tune]") {
    const std::vector<Measurement> final = {candidate(1, 0.90), candidate(2, 0.89), candidate(3, 0.7),
                                            candidate(4, 0.995)};
    REQUIRE(winner(final, nullptr, 0.02));
    CHECK(winner(final, nullptr, 0.02)->knobs.at("k") == 3);
    const Knobs record = {{"k", 1}}, best = {{"k", 3}};
    CHECK(winner(final, &record, 0.02)->knobs.at("k") == 3);
    CHECK_FALSE(winner(final, &best, 0.02));                  // nothing beats the record
    CHECK_FALSE(winner({final[0], final[1]}, &record, 0.02)); // one percent is noise
    CHECK_FALSE(winner({final[3]}, nullptr, 0.02));
    CHECK_FALSE(winner({candidate(1, 0.5, Outcome::Crash)}, nullptr, 0.02));
}

TEST_CASE("a record names only knobs that the schedule asked for", "[tune]") {
    Measurement m;
    m.knobs = {{"algorithm", 1}, {"tiles", 8}, {"rows", 4}};
    m.resolved = {{"algorithm", 1}, {"rows", 4}, {"automatic", 3}};
    CHECK(effective_knobs(m) == Knobs{{"algorithm", 1}, {"rows", 4}});
}

TEST_CASE("a record is written whole, replaced, and read back", "[tune]") {
    const ScratchFolder folder;
    const std::string records = folder / "records";
    CHECK(record_knobs(records, "t", "kernel").empty());
    const Knobs knobs = {{"co_block", 8}, {"tile_x", 3}};
    write_record(records, "t", "kernel", knobs, {{"ms", 1.5}});
    CHECK(record_knobs(records, "t", "kernel") == knobs);
    const auto json = nlohmann::json::parse(contents_of(record_path(records, "t", "kernel")));
    CHECK(json.at("measured").at("ms") == 1.5);

    const std::string before = contents_of(record_path(records, "t", "kernel"));
    with_full_disk(16, [&] { CHECK_THROWS_AS(write_record(records, "t", "kernel", {{"tile_x", 4}}, {}), Error); });
    CHECK(contents_of(record_path(records, "t", "kernel")) == before);
    write_record(records, "t", "kernel", {{"tile_x", 4}}, {});
    CHECK(record_knobs(records, "t", "kernel") == Knobs{{"tile_x", 4}});
    CHECK(std::distance(std::filesystem::directory_iterator(records + "/t"), {}) == 1);
    CHECK(knob_text(knobs) == "co_block 8, tile_x 3");
    CHECK(knob_text({}) == "automatic");
}
