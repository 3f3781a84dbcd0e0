// afnet classify on what arrives while it runs: pipes, fifos, and their end by Ctrl-C.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "tests/program/program_run.h"
#include "tests/program/sample_media.h"

using namespace afnet_test;
using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

/// A fifo that gets the sample's frames, as from another program, and then stays open for as long as this lives.
class Feed {
public:
    Feed(const afnet::TemporaryFolder &folder, bool stays_open = false) : path(folder.file("feed")) {
        REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
        const std::string source = sample_stream();
        if (stays_open) held_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
        thread_ = std::thread([this, source] {
            runs("cat '" + source + "' >'" + path + "' 2>/dev/null");
            done_ = true;
        });
    }
    ~Feed() {
        drain();
        thread_.join();
        if (held_ >= 0) ::close(held_);
    }

    const std::string path;

private:
    // A program that was interrupted, or that failed, has not read to the end.
    void drain() const {
        const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        char buffer[1 << 16];
        while (!done_) {
            if (::read(reader, buffer, sizeof buffer) <= 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        ::close(reader);
    }

    int held_ = -1;
    std::atomic<bool> done_{false};
    std::thread thread_;
};

Circumstances reading(const std::string &input) {
    Circumstances circumstances;
    circumstances.input = input;
    return circumstances;
}

/// The frames of all windows, which must have been classified.
std::vector<std::vector<int>> windows_of(const ProgramRun &run) {
    INFO(run.err);
    CHECK(run.status == 0);
    std::vector<std::vector<int>> windows;
    for (const json &line : run.json_lines()) {
        CHECK(line.at("status") == "ok");
        CHECK(line.at("topk").size() == 5);
        windows.push_back(line.at("frames"));
    }
    return windows;
}

/// The windows that fit into the sample: `count` frames, `spacing` apart, every `stride`.
std::vector<std::vector<int>> expected_windows(int count, int spacing, int stride) {
    std::vector<std::vector<int>> windows;
    for (int begin = 0; begin + (count - 1) * spacing < 120; begin += stride) {
        windows.emplace_back();
        for (int i = 0; i < count; i++) windows.back().push_back(begin + i * spacing);
    }
    return windows;
}

void check_interrupted(const ProgramRun &run, int signal) {
    check_refusal(run, 128 + signal, "interrupted");
    for (const json &line : run.json_lines()) CHECK(line.at("status") == "ok");
}

}  // namespace

TEST_CASE("standard input is classified window by window", "[program_stream]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    {
        const Feed feed(folder);
        const ProgramRun run = classified({"--json", "--lossless", "-"}, reading(feed.path));
        CHECK(windows_of(run) == expected_windows(12, 4, 48));
        CHECK(run.json_lines().at(0).at("path") == "-");
        CHECK_THAT(run.err, Contains("afnet: -: 120 frames received, 0 dropped, 2 windows\n"));
    }
    const afnet::TemporaryFolder other;
    const Feed feed(other);
    const Arguments dense = {"--json", "--lossless", "--quiet", "--spacing", "1", "--stride", "10", "-"};
    const ProgramRun run = classified(dense, reading(feed.path));
    CHECK(windows_of(run) == expected_windows(12, 1, 10));
    CHECK(run.err.empty());
}

TEST_CASE("a fifo is classified window by window", "[program_stream]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    const Feed feed(folder);
    const ProgramRun run = classified({"--json", "--lossless", "--frames", "8", "--spacing", "3", feed.path});
    CHECK(windows_of(run) == expected_windows(8, 3, 24));
    const std::vector<json> lines = run.json_lines();
    for (const json &line : lines) {
        REQUIRE(line.at("frame_pts").size() == 8);
        CHECK(line.at("frame_pts")[7].get<double>() - line.at("frame_pts")[0].get<double>() == Approx(21 / 30.0));
    }
}

TEST_CASE("frames that come too fast are dropped and counted", "[program_stream]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    const Feed feed(folder);
    const ProgramRun run = classified({"--json", "--spacing", "1", feed.path});
    CHECK(run.status == 0);
    CHECK_THAT(run.err, Contains("120 frames received, "));
    for (const json &line : run.json_lines()) {
        const std::vector<int> frames = line.at("frames");
        for (size_t i = 1; i < frames.size(); i++) CHECK(frames[i] > frames[i - 1]);
    }
}

TEST_CASE("standard input can be a file", "[program_stream]") {
    if (no_samples()) return;
    const ProgramRun run = classified({"--json", "--lossless", "-"}, reading(sample_video()));
    CHECK(windows_of(run) == expected_windows(12, 4, 48));
}

TEST_CASE("the windows of a stream go to the CSV file, the last one to the picture", "[program_stream]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder, results;
    const Feed feed(folder);
    const ProgramRun run = classified({"--lossless", feed.path, "--csv", results.file("a.csv"), "--picture",
                                       results.file("a.png"), "--block", "features_stage3_refine.1"});
    CHECK(run.status == 0);
    const Bytes csv = read_bytes(results.file("a.csv"));
    CHECK(std::count(csv.begin(), csv.end(), '\n') == 3);
    CHECK(names_in(results.path()) == std::vector<std::string>{"a.csv", "a.png"});
}

TEST_CASE("a stream that is too short for a window says how long it was", "[program_stream]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    const Feed feed(folder);
    const ProgramRun run = classified({"--json", "-q", "--lossless", "--spacing", "100", feed.path});
    check_refusal(run, 1,
                  "ended after 120 frames; a window of 12 frames, 100 apart, needs 1101. Take a smaller --spacing");
    CHECK(run.json_lines().at(0).at("status") == "error");
}

TEST_CASE("streams that are none are refused", "[program_stream]") {
    const afnet::TemporaryFolder folder;
    write_text(folder.file("text"), std::string(100000, 'x'));
    check_refusal(classified({"-q", "-"}), 1, "standard input: not a video");
    check_refusal(classified({"-q", "-"}, reading(folder.file("text"))), 1, "standard input: not a video");
    check_refusal(classified({"-q", "-"}, reading(folder.path())), 1, "is a folder");
    check_refusal(classified({"-q", "/dev/null"}), 1, "/dev/null: ");
    check_refusal(classified({"-q", "/dev/video99"}), 1, "/dev/video99: ");
}

TEST_CASE("a bad stream does not keep the inputs after it from being done", "[program_stream]") {
    if (no_samples()) return;
    const ProgramRun run = classified({"--json", "-q", "-", sample_video()});
    check_refusal(run, 1, "standard input: not a video");
    REQUIRE(run.json_lines().size() == 2);
    CHECK(run.json_lines()[1].at("status") == "ok");
}

TEST_CASE("Ctrl-C ends the wait for a silent fifo", "[program_stream]") {
    const afnet::TemporaryFolder folder;
    REQUIRE(::mkfifo(folder.file("silent").c_str(), 0600) == 0);
    ProgramChild child(classifying({"--json", "/nowhere", folder.file("silent")}));
    child.wait_for("/nowhere");  // by then the fifo is next
    child.send(SIGINT);
    const ProgramRun run = child.finish();
    CHECK(run.status == 130);
    CHECK_THAT(run.err, Contains("afnet: interrupted\n"));
    CHECK(run.seconds < 20);
}

TEST_CASE("Ctrl-C ends an endless stream between its windows", "[program_stream]") {
    if (no_samples()) return;
    for (const int signal : {SIGINT, SIGTERM}) {
        const afnet::TemporaryFolder folder, results;
        const Feed feed(folder, true);
        ProgramChild child(
            classifying({"--json", "-q", "--lossless", "--spacing", "1", feed.path, "--csv", results.file("a.csv")}));
        child.wait_for("\"frames\":[0,");
        const auto begin = std::chrono::steady_clock::now();
        child.send(signal);
        check_interrupted(child.finish(), signal);
        CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
        CHECK(names_in(results.path()).empty());
    }
}

TEST_CASE("Ctrl-C ends a long list of inputs", "[program_stream]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder results;
    Arguments inputs(2000, sample_video());
    inputs.insert(inputs.end(), {"--json", "-q", "--csv", results.file("a.csv")});
    ProgramChild child(classifying(inputs));
    child.wait_for("\n");
    const auto begin = std::chrono::steady_clock::now();
    child.send(SIGINT);
    const ProgramRun run = child.finish();
    check_interrupted(run, SIGINT);
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
    CHECK(run.json_lines().size() < 2000);
    CHECK(names_in(results.path()).empty());
}

TEST_CASE("Ctrl-C ends a measurement", "[program_stream]") {
    ProgramChild child({"bench", "network", "--model", "af_mobilenetv3_tsm", "--size", "64", "--rounds", "100000",
                        "--seconds", "1000"});
    child.wait_for("bench af_mobilenetv3_tsm: 0/100000");
    child.send(SIGINT);
    const ProgramRun run = child.finish();
    CHECK(run.status == 130);
    CHECK(run.out.empty());
    CHECK(run.seconds < 20);
}
