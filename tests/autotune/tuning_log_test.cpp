// The log: what was measured is found again, whatever happened to the process that wrote it.
#include <catch2/catch.hpp>
#include <fstream>
#include <thread>

#include "autotune/tuning_log.h"
#include "runtime/json.h"
#include "tests/runtime/file_checks.h"

using namespace afnet;
using namespace afnet_test;

namespace {

Measurement sample(int knob) {
    Measurement m;
    m.knobs = {{"co_block", knob}};
    m.resolved = {{"co_block", knob}, {"order", 2}};
    m.outcome = Outcome::Ok;
    m.detail = "a \"quoted\" detail\nof two lines, not UTF-8: \xff";
    m.code = "c0de";
    m.ms = {1.5, 1.25};
    m.automatic_ms = {2, 2.5};
    m.difference = 1e-6;
    m.gmac = 0.25;
    m.peak_gmac_per_s = 100;
    return m;
}

void append_text(const std::string &path, const std::string &text) {
    std::ofstream(path, std::ios::app | std::ios::binary) << text;
}

} // namespace

TEST_CASE("a log gives back what was appended", "[tune]") {
    const ScratchFolder folder;
    const std::string path = folder / "log.jsonl";
    TuningLog log(path);
    CHECK(log.measurements() == 0);
    log.append("key", {{"kernel", "conv"}, {"target", "t"}}, sample(8));
    Measurement failed;
    failed.outcome = Outcome::Timeout;
    log.append("other", {}, failed);
    REQUIRE(log.find("key"));

    const TuningLog again(path);
    CHECK(again.measurements() == 2);
    CHECK(again.unreadable() == 0);
    CHECK_FALSE(again.find("third"));
    REQUIRE(again.find("key"));
    const Measurement &m = *again.find("key");
    CHECK(m.knobs == sample(8).knobs);
    CHECK(m.resolved == sample(8).resolved);
    CHECK(m.outcome == Outcome::Ok);
    CHECK(m.code == "c0de");
    CHECK(m.ms == sample(8).ms);
    CHECK(m.automatic_ms == sample(8).automatic_ms);
    CHECK(m.difference == 1e-6);
    CHECK(m.gmac == 0.25);
    CHECK(m.peak_gmac_per_s == 100);
    CHECK(again.find("other")->outcome == Outcome::Timeout);
    const std::string text = contents_of(path);
    CHECK(std::count(text.begin(), text.end(), '\n') == 2);
    const auto line = nlohmann::json::parse(text.substr(0, text.find('\n')));
    CHECK(line.at("kernel") == "conv");
    CHECK(line.at("format") == "afnet-tuning/1");
    CHECK(line.at("time").get<std::string>().size() == 20);
}

TEST_CASE("the last measurement under a key counts", "[tune]") {
    const ScratchFolder folder;
    TuningLog log(folder / "log.jsonl");
    log.append("key", {}, sample(8));
    log.append("key", {}, sample(16));
    CHECK(log.find("key")->knobs.at("co_block") == 16);
    CHECK(TuningLog(folder / "log.jsonl").find("key")->knobs.at("co_block") == 16);
}

TEST_CASE("a line that a killed process left unfinished costs that line only", "[tune]") {
    const ScratchFolder folder;
    const std::string path = folder / "log.jsonl";
    TuningLog(path).append("first", {}, sample(8));
    const std::string line = contents_of(path);
    for (const size_t cut : {size_t(1), line.size() / 2, line.size() - 1}) {
        INFO("after " << cut << " bytes");
        std::ofstream(path, std::ios::binary) << line;
        append_text(path, "{" + line.substr(1, cut - 1));
        TuningLog log(path);
        REQUIRE(log.find("first"));
        log.append("second", {}, sample(16));
        const TuningLog again(path);
        CHECK(again.find("first"));
        CHECK(again.find("second"));
    }
    // Nothing but such a line is an empty log.
    std::ofstream(path, std::ios::binary) << line.substr(0, 20);
    CHECK(TuningLog(path).measurements() == 0);
    CHECK(TuningLog(path).unreadable() == 1);
}

TEST_CASE("two writers append whole lines", "[tune]") {
    const ScratchFolder folder;
    const std::string path = folder / "log.jsonl";
    const auto write = [&](const std::string &name) {
        TuningLog log(path);
        for (int i = 0; i < 200; i++)
            log.append(name + std::to_string(i), {}, sample(i));
    };
    std::thread one(write, "a"), two(write, "b");
    one.join();
    two.join();
    const TuningLog log(path);
    CHECK(log.measurements() == 400);
    CHECK(log.unreadable() == 0);
}

TEST_CASE("a full disk leaves the log as it was", "[tune]") {
    const ScratchFolder folder;
    const std::string path = folder / "log.jsonl";
    TuningLog log(path);
    log.append("key", {}, sample(8));
    const std::string before = contents_of(path);
    with_full_disk(before.size() + 10, [&] {
        CHECK_THAT(refusal([&] { log.append("next", {}, sample(9)); }), Catch::Matchers::Contains("cannot write"));
    });
    CHECK(contents_of(path) == before);
    CHECK_FALSE(log.find("next"));
}

TEST_CASE("a file of something else is no log", "[tune]") {
    const ScratchFolder folder;
    const std::string path = folder / "notes.txt";
    std::ofstream(path) << "{\"a\": 1}\n{\"b\": 2}\n";
    CHECK_THAT(refusal([&] { TuningLog log(path); }), Catch::Matchers::Contains("not a log"));
    CHECK_THROWS_AS(TuningLog("/nowhere/log.jsonl").append("key", {}, sample(8)), Error);
}
