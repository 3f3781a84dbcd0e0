// afnet synth: the folder that it makes, read back; the same bytes again; what it refuses to write over.
#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "model/synthetic_data_set.h"
#include "runtime/clip_source.h"
#include "tests/model/stripe_reader.h"
#include "tests/program/program_run.h"
#include "tests/program/sample_media.h"

using namespace afnet_test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
namespace fs = std::filesystem;

namespace {

Arguments synth(const std::string &data_set, const std::string &out, int clips, const Arguments &more = {}) {
    Arguments all = {"synth", "--dataset", data_set, "--out", out, "--clips", std::to_string(clips), "--quiet"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

ProgramRun made(const std::string &data_set, const std::string &out, int clips, const Arguments &more = {}) {
    const ProgramRun run = run_program(synth(data_set, out, clips, more));
    INFO(run.err);
    REQUIRE(run.status == 0);
    CHECK(run.err.empty());
    return run;
}

std::string text_of(const std::string &path) {
    const Bytes bytes = read_bytes(path);
    return {bytes.begin(), bytes.end()};
}

std::vector<std::pair<std::string, int>> entries_of(const std::string &folder) {
    std::istringstream lines(text_of(folder + "/list.txt"));
    std::vector<std::pair<std::string, int>> entries;
    std::string path;
    for (int label = 0; lines >> path >> label;)
        entries.emplace_back(path, label);
    return entries;
}

double mean_difference(const afnet::RgbFrame &a, const afnet::RgbFrame &b) {
    REQUIRE(a.data.size() == b.data.size());
    double sum = 0;
    for (size_t i = 0; i < a.data.size(); ++i)
        sum += std::abs(int(a.data[i]) - int(b.data[i]));
    return sum / double(a.data.size());
}

/// Every file below a folder with its contents.
std::vector<std::pair<std::string, Bytes>> all_files(const std::string &folder) {
    std::vector<std::pair<std::string, Bytes>> files;
    for (const auto &entry : fs::recursive_directory_iterator(folder)) {
        if (!entry.is_regular_file()) continue;
        files.emplace_back(fs::relative(entry.path(), folder).string(), read_bytes(entry.path().string()));
    }
    std::sort(files.begin(), files.end());
    return files;
}

} // namespace

TEST_CASE("synth makes videos that show what was drawn", "[program_synth]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    const std::string data_set = GENERATE("motion-pairs", "key-stripe", "patch-key");
    const std::string out = folder.file("made");
    const ProgramRun run = made(data_set, out, 16, {"--seed", "5", "--json"});
    const nlohmann::json summary = run.json_lines().at(0);
    CHECK(summary.at("data_set") == data_set);
    CHECK(summary.at("clips") == 16);
    CHECK(summary.at("path") == out);
    CHECK(summary.at("bytes") > 16000);

    afnet::SyntheticSettings settings;
    settings.data_set = data_set;
    settings.seed = 5;
    settings.clips = 16;
    afnet::complete_settings(settings);
    const auto &set = afnet::synthetic_data_set(data_set);
    std::string names;
    for (const std::string &name : set.classes)
        names += name + "\n";
    CHECK(text_of(out + "/classes.txt") == names);

    const auto entries = entries_of(out);
    REQUIRE(entries.size() == 16);
    std::vector<size_t> counts(set.classes.size());
    for (size_t i = 0; i < entries.size(); ++i) {
        const afnet::SyntheticClip truth = afnet::draw_clip(settings, uint32_t(i));
        CHECK(entries[i].second == truth.label);
        counts.at(size_t(entries[i].second))++;
        const afnet::DecodedClip clip = afnet::read_clip(out + "/" + entries[i].first, 8);
        CHECK(clip.warnings.empty());
        CHECK(clip.total_frames == 16);
        REQUIRE(clip.frames.size() == 8);
        for (size_t t = 0; t < 8; ++t) {
            REQUIRE(clip.frames[t].width == settings.size);
            CHECK(mean_difference(clip.frames[t], afnet::enlarged(truth.frames[t], settings.size / set.side)) < 1.6);
        }
    }
    for (const size_t count : counts)
        CHECK(count == 16 / counts.size());
}

TEST_CASE("the truth of key-stripe is what the videos show", "[program_synth]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    const std::string out = folder.file("made");
    made("key-stripe", out, 24, {"--frames", "12", "--keys", "3", "--size", "96"});
    const auto truth = nlohmann::json::parse(text_of(out + "/key_frames.json"));
    CHECK(truth.at("format") == "afnet-key-frames/1");
    CHECK(truth.at("frames") == 12);
    CHECK(truth.at("hold") == 2);
    const auto entries = entries_of(out);
    REQUIRE(truth.at("clips").size() == entries.size());
    for (const auto &[path, label] : entries) {
        const afnet::DecodedClip clip = afnet::read_clip(out + "/" + path, 12);
        std::vector<int> keys;
        for (int t = 0; t < 12; ++t) {
            if (!looks_like_key(clip.frames[size_t(t)])) continue;
            keys.push_back(t);
            CHECK(read_orientation(clip.frames[size_t(t)]) == label);
        }
        CHECK(truth.at("clips").at(path) == keys);
        CHECK(keys.size() == 3);
    }
}

TEST_CASE("the truth of patch-key is what was drawn", "[program_synth]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    const std::string out = folder.file("made");
    made("patch-key", out, 6, {"--seed", "3", "--first", "5", "--keys", "2"});
    const auto truth = nlohmann::json::parse(text_of(out + "/key_patches.json"));
    const auto frames = nlohmann::json::parse(text_of(out + "/key_frames.json"));
    CHECK(truth.at("format") == "afnet-key-patches/1");
    CHECK(truth.at("grid") == 4);
    CHECK(truth.at("frames") == 8);
    CHECK(truth.at("hold") == 2);
    afnet::SyntheticSettings settings;
    settings.data_set = "patch-key";
    settings.seed = 3;
    settings.clips = 6;
    settings.keys = 2;
    afnet::complete_settings(settings);
    const auto entries = entries_of(out);
    REQUIRE(truth.at("clips").size() == 6);
    for (size_t i = 0; i < entries.size(); ++i) {
        const afnet::SyntheticClip drawn = afnet::draw_clip(settings, uint32_t(5 + i));
        nlohmann::json expected = nlohmann::json::array();
        for (const afnet::KeyPatch &patch : drawn.key_patches)
            expected.push_back({patch.frame, patch.column, patch.row});
        CHECK(truth.at("clips").at(entries[i].first) == expected);
        CHECK(frames.at("clips").at(entries[i].first) == drawn.key_frames);
    }
}

TEST_CASE("the same data set has the same bytes", "[program_synth]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    for (const char *data_set : {"motion-pairs", "key-stripe"}) {
        const std::string one = folder.file(std::string(data_set) + "1"),
                          two = folder.file(std::string(data_set) + "2");
        made(data_set, one, 9, {"--seed", "3", "--threads", "1"});
        made(data_set, two, 9, {"--seed", "3", "--threads", "3"});
        const auto files = all_files(one);
        CHECK(files.size() == (data_set == std::string("key-stripe") ? 13 : 12));
        CHECK(files == all_files(two));
        // A clip is the same in any part of the data set that has it.
        const std::string part = folder.file(std::string(data_set) + "3");
        made(data_set, part, 2, {"--seed", "3", "--first", "7"});
        CHECK(names_in(part + "/videos") == std::vector<std::string>{"000007.mp4", "000008.mp4"});
        for (const std::string &name : names_in(part + "/videos")) {
            CHECK(read_bytes(part + "/videos/" + name) == read_bytes(one + "/videos/" + name));
        }
        CHECK(entries_of(part).at(1) == entries_of(one).at(8));
    }
}

TEST_CASE("synth does not write over other things", "[program_synth]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    const std::string out = folder.file("made");
    made("motion-pairs", out, 3);
    const auto files = all_files(out);
    check_refusal(run_program(synth("motion-pairs", out, 3, {"--seed", "9"})), 1, "seed 1 instead of 9; name another");
    check_refusal(run_program(synth("motion-pairs", out, 2)), 1, "clips 3 instead of 2");
    check_refusal(run_program(synth("key-stripe", out, 3)), 1, "data_set \"motion-pairs\" instead of \"key-stripe\"");
    CHECK(all_files(out) == files);
    made("motion-pairs", out, 3); // the same: made again
    CHECK(all_files(out) == files);

    write_text(out + "/notes.txt", "mine");
    write_text(out + "/videos/mine.mp4", "mine");
    write_text(out + "/videos/000001.mp4.tmpAbCdEf", "left by a run that was killed");
    made("key-stripe", out, 2, {"--force"});
    CHECK(names_in(out + "/videos") == std::vector<std::string>{"000000.mp4", "000001.mp4", "mine.mp4"});
    CHECK(names_in(out) == std::vector<std::string>{"classes.txt", "dataset.json", "key_frames.json", "list.txt",
                                                    "notes.txt", "videos"});
    CHECK(entries_of(out).size() == 2);
    made("motion-pairs", out, 2, {"--force"});
    CHECK_FALSE(fs::exists(out + "/key_frames.json"));

    const std::string other = folder.file("other");
    fs::create_directory(other);
    write_text(other + "/list.txt", "mine");
    check_refusal(run_program(synth("key-stripe", other, 1)), 1, "holds no data set");
    write_text(other + "/dataset.json", "{\"seed\": ");
    check_refusal(run_program(synth("key-stripe", other, 1)), 1, "dataset.json cannot be read");
    CHECK(text_of(other + "/list.txt") == "mine");
}

TEST_CASE("a run that fails or is ended leaves no list, and the next one completes it", "[program_synth]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    const std::string out = folder.file("made");
    Circumstances full;
    full.file_bytes = 4096;
    check_refusal(run_program(synth("key-stripe", out, 5), full), 1, "cannot write: File too large");
    CHECK_FALSE(fs::exists(out + "/list.txt"));
    CHECK(fs::is_empty(out + "/videos"));
    made("key-stripe", out, 5);
    CHECK(entries_of(out).size() == 5);
    // A list never names videos that are not there: it goes first when a data set is made again.
    check_refusal(run_program(synth("key-stripe", out, 5), full), 1, "cannot write: File too large");
    CHECK_FALSE(fs::exists(out + "/list.txt"));

    const std::string ended = folder.file("ended");
    Arguments loud = synth("motion-pairs", ended, 100000);
    loud.erase(std::find(loud.begin(), loud.end(), "--quiet"));
    ProgramChild child(loud);
    child.wait_for("0/100000");
    child.send(SIGTERM);
    const ProgramRun run = child.finish();
    CHECK(run.status == 143);
    CHECK(run.out.empty());
    CHECK(names_in(ended) == std::vector<std::string>{"classes.txt", "dataset.json", "videos"});
    for (const std::string &name : names_in(ended + "/videos"))
        CHECK(name.size() == 10);
}

TEST_CASE("folders that cannot be are refused", "[program_synth]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    const std::string file = folder.file("file");
    write_text(file, "mine");
    check_refusal(run_program(synth("motion-pairs", file, 1)), 1, file + ": cannot make the folder: Not a directory");
    check_refusal(run_program(synth("motion-pairs", file + "/a", 1, {"--force"})), 1, "cannot make the folder");
    check_refusal(run_program(synth("motion-pairs", "/proc/afnet", 1)), 1, "/proc/afnet: cannot make the folder");
    check_refusal(run_program(synth("motion-pairs", "", 1)), 2, "--out");
    CHECK(text_of(file) == "mine");
}

TEST_CASE("command lines of synth that make no sense end with 2", "[program_synth]") {
    const afnet::TemporaryFolder folder;
    const std::string out = folder.file("made");
    const Arguments lines[] = {{"--size", "63"},          {"--size", "48"},    {"--size", "-64"},
                               {"--size", "2048"},        {"--keys", "2"},     {"--frames", "1"},
                               {"--frames", "257"},       {"--frames", "2.5"}, {"--hold", "0"},
                               {"--hold", "65"},          {"--fps", "0"},      {"--qp", "52"},
                               {"--seed", "-1"},          {"--seed", "x"},     {"--first", "-1"},
                               {"--first", "9999999999"}, {"--threads", "-1"}, {"--seed", "99999999999999999999"}};
    for (const Arguments &more : lines) {
        INFO(more[0] << " " << more[1]);
        const ProgramRun run = run_program(synth("motion-pairs", out, 1, more));
        CHECK(run.status == 2);
        CHECK_THAT(run.err, Contains(more[0]));
        CHECK(run.out.empty());
    }
    CHECK(run_program(synth("nosuch", out, 1)).status == 2);
    CHECK(run_program(synth("motion-pairs", out, 0)).status == 2);
    CHECK(run_program(synth("motion-pairs", out, 1000001)).status == 2);
    CHECK(run_program({"synth", "--dataset", "motion-pairs", "--clips", "1"}).status == 2);
    CHECK(run_program({"synth", "--out", out, "--clips", "1"}).status == 2);
    CHECK(run_program({"synth", "--out", out, "--dataset", "key-stripe"}).status == 2);
    check_refusal(run_program(synth("key-stripe", out, 1, {"--keys", "9"})), 2, "--keys 9: 1 to 8 expected");
    CHECK_FALSE(fs::exists(out));
}

TEST_CASE("synth says what it has made", "[program_synth]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    const std::string out = folder.file("made");
    Arguments loud = synth("key-stripe", out + "//", 2);
    loud.erase(std::find(loud.begin(), loud.end(), "--quiet"));
    const ProgramRun run = run_program(loud);
    CHECK(run.status == 0);
    CHECK_THAT(run.out, StartsWith(out + ": 2 clips of key-stripe, seed 1") && Contains(out + "/list.txt") &&
                            Contains("2 key frames a clip"));
    CHECK_THAT(run.err, Contains("synth key-stripe: 2/2"));
}
