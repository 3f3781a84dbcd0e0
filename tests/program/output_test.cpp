// Files and pictures that the program writes, and disks that are full or cannot be written to.
#include <algorithm>
#include <sstream>
#include <unistd.h>

#include "runtime/image_file.h"
#include "runtime/safetensors.h"
#include "tests/model/checkpoint_builder.h"
#include "tests/program/program_run.h"
#include "tests/program/sample_media.h"

using namespace afnet_test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

const char *const kNoOutput = "cannot write to standard output; is the disk full?";

std::string text_of(const std::string &path) {
    const Bytes bytes = read_bytes(path);
    return std::string(bytes.begin(), bytes.end());
}

std::vector<std::string> lines_of(const std::string &path) {
    std::istringstream stream(text_of(path));
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

/// Width and height of a PNG file.
std::pair<int, int> extent_of(const std::string &path) {
    const Bytes bytes = read_bytes(path);
    const Bytes signature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    REQUIRE(bytes.size() > 24);
    CHECK(std::equal(signature.begin(), signature.end(), bytes.begin()));
    const auto number = [&](size_t at) {
        return bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
    };
    return {number(16), number(20)};
}

/// A checkpoint to import: of about 1 MiB.
std::string make_checkpoint(const afnet::TemporaryFolder &folder) {
    const std::string path = folder.file("c.pth");
    write_bytes(path, torch_file(state_dict_of(small_network(afnet::Family::AfResNet))));
    return path;
}

Circumstances full_at(uint64_t bytes) {
    Circumstances circumstances;
    circumstances.file_bytes = bytes;
    return circumstances;
}

Circumstances writing_to(const std::string &output) {
    Circumstances circumstances;
    circumstances.output = output;
    return circumstances;
}

Circumstances tracing_to(const std::string &path) {
    Circumstances circumstances;
    circumstances.environment = {"AFNET_TRACE=" + path};
    return circumstances;
}

}  // namespace

TEST_CASE("--csv writes a line for each input", "[program_output]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    const std::string odd = folder.file("a, \"b\".mp4");
    write_bytes(odd, read_bytes(sample_video()));
    write_text(folder.file("r.csv"), "what was there before");
    const ProgramRun run = classified({"-q", odd, "/nowhere", "--csv", folder.file("r.csv")});
    check_refusal(run, 1, "/nowhere: ");
    const std::vector<std::string> lines = lines_of(folder.file("r.csv"));
    REQUIRE(lines.size() == 3);
    CHECK(lines[0] == "path,status,error,label,index,prob,realised_rt,gmac,decode_ms,preprocess_ms,network_ms");
    CHECK_THAT(lines[1], StartsWith("\"" + folder.path() + "/a, \"\"b\"\".mp4\",ok,,"));
    CHECK_THAT(lines[2], StartsWith("/nowhere,error,") && Catch::Matchers::EndsWith(",,,,,,,,"));
    CHECK(std::count(lines[1].begin(), lines[1].end(), ',') == 11);  // one within the name
    CHECK(names_in(folder.path()).size() == 2);
}

TEST_CASE("--picture draws the frames for one block or for all", "[program_output]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    const auto drawn = [&](const std::string &name, const Arguments &more) {
        Arguments all = {"-q", sample_video(), "--picture", folder.file(name)};
        all.insert(all.end(), more.begin(), more.end());
        CHECK(classified(all).status == 0);
        return extent_of(folder.file(name));
    };
    const auto all = drawn("all.png", {}), one = drawn("one.png", {"--block", "features_stage2_refine.1"});
    CHECK(one.first > 0);
    CHECK(one.second > 0);
    CHECK(all.second > one.second);
    CHECK(drawn("static.png", {"--frames", "4"}).first > 0);
    const afnet::RgbFrame picture = [&] {
        std::vector<std::string> warnings;
        return afnet::read_image(folder.file("one.png"), {}, warnings);
    }();
    CHECK(std::make_pair(picture.width, picture.height) == one);
    CHECK(names_in(folder.path()).size() == 3);
}

TEST_CASE("an unknown block is answered with those that there are", "[program_output]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    const ProgramRun run = classified({"-q", sample_video(), "--picture", folder.file("a.png"), "--block", "layer9"});
    check_refusal(run, 1, "--block layer9: the model has no such focal block; it has features_stage2_refine.0, ");
    CHECK(names_in(folder.path()).empty());
}

TEST_CASE("folders that are missing or cannot be written to", "[program_output]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    const std::string checkpoint = make_checkpoint(folder);
    const std::vector<std::string> before = names_in(folder.path());
    for (const std::string &where : {folder.file("none"), std::string("/proc"), checkpoint}) {
        INFO(where);
        const std::string message = where + "/x: cannot write: ";
        check_refusal(classified({"-q", sample_video(), "--csv", where + "/x"}), 1, message);
        check_refusal(classified({"-q", sample_video(), "--picture", where + "/x"}), 1, message);
        check_refusal(run_program({"import", "-q", checkpoint, where + "/x"}), 1, message);
        check_refusal(classified({"-q", sample_video()}, tracing_to(where + "/x")), 1, message);
    }
    check_refusal(classified({"-q", sample_video(), "--csv", folder.path()}), 1, "cannot write: ");
    CHECK(names_in(folder.path()) == before);
}

TEST_CASE("a folder without permission to write", "[program_output]") {
    if (no_samples()) return;
    if (::geteuid() == 0) {
        WARN("root may write everywhere: not tested");
        return;
    }
    const afnet::TemporaryFolder folder;
    std::filesystem::permissions(folder.path(),
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
    check_refusal(classified({"-q", sample_video(), "--csv", folder.file("x")}), 1, "Permission denied");
    CHECK(names_in(folder.path()).empty());
}

TEST_CASE("a full disk is said once, and the exit status is 1", "[program_output]") {
    const std::string golden = AFNET_GOLDEN_DIR "/mbv3_tsm_t8_s96.safetensors";
    const Arguments lines[] = {{"--help"}, {"info"}, {"info", "--json"}, {"verify", golden}};
    for (const Arguments &line : lines) check_refusal(run_program(line, writing_to("/dev/full")), 1, kNoOutput);
    if (no_samples()) return;
    check_refusal(classified({"-q", sample_video()}, writing_to("/dev/full")), 1, kNoOutput);
    check_refusal(classified({"-q", "--json", sample_video(), sample_video()}, writing_to("/dev/full")), 1, kNoOutput);
    check_refusal(classified({"-q", sample_video(), "--csv", "/dev/full"}), 1,
                  "/dev/full: cannot write: No space left");
    check_refusal(classified({"-q", sample_video(), "--picture", "/dev/full"}), 1, "/dev/full: cannot write: No space");
    check_refusal(classified({"-q", sample_video()}, tracing_to("/dev/full")), 1, "/dev/full: cannot write: No space");
    Circumstances stream = writing_to("/dev/full");
    stream.input = sample_stream();
    check_refusal(classified({"-q", "--json", "--lossless", "-"}, stream), 1, kNoOutput);
}

TEST_CASE("a disk that fills up leaves nothing half-written", "[program_output]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    const std::string checkpoint = make_checkpoint(folder), file = folder.file("x");
    for (const bool existing : {false, true}) {
        if (existing) write_text(file, "old");
        const std::vector<std::string> before = names_in(folder.path());
        for (const uint64_t limit : {0, 100}) {
            INFO(limit);
            const Circumstances full = full_at(limit);
            check_refusal(classified({"-q", sample_video(), "--csv", file}, full), 1,
                          file + ": cannot write: File too");
            check_refusal(run_program({"import", "-q", checkpoint, file}, full), 1, file + ": cannot write: File too");
            check_refusal(classified({"-q", sample_video(), "--picture", file}, full), 1, file + ": cannot write: ");
            Circumstances traced = full;
            traced.environment = {"AFNET_TRACE=" + file};
            check_refusal(classified({"-q", sample_video()}, traced), 1, file + ": cannot write: ");
        }
        check_refusal(run_program({"import", "-q", checkpoint, file}, full_at(100000)), 1, file + ": cannot write: ");
        CHECK(names_in(folder.path()) == before);
        if (existing) CHECK(text_of(file) == "old");
    }
}

TEST_CASE("links stay links, and what is no file is written to", "[program_output]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    write_text(folder.file("real.csv"), "old");
    std::filesystem::create_symlink("real.csv", folder.file("link.csv"));
    CHECK(classified({"-q", sample_video(), "--csv", folder.file("link.csv")}).status == 0);
    CHECK(std::filesystem::is_symlink(folder.file("link.csv")));
    CHECK(lines_of(folder.file("real.csv")).size() == 2);

    // Standard output by name, as a pipe and as a file.
    const Arguments named = {"-q", "--json", sample_video(), "--csv", "/proc/self/fd/1"};
    CHECK_THAT(classified(named).out, StartsWith("{") && Contains("\npath,status,"));
    CHECK(classified(named, writing_to(folder.file("all"))).status == 0);
    const std::vector<std::string> lines = lines_of(folder.file("all"));
    REQUIRE(lines.size() == 3);
    CHECK_THAT(lines[0], StartsWith("{"));
    CHECK_THAT(lines[1], StartsWith("path,status,"));
    CHECK(names_in(folder.path()).size() == 3);
}

TEST_CASE("import writes a file that can be read, and replaces an old one", "[program_output]") {
    const afnet::TemporaryFolder folder;
    const std::string checkpoint = make_checkpoint(folder);
    write_text(folder.file("w"), "old");
    const ProgramRun run = run_program({"import", checkpoint, folder.file("w"), "--no-shift"});
    CHECK(run.status == 0);
    CHECK_THAT(run.out, Contains("AF-ResNet of width 16"));
    CHECK(afnet::SafetensorsFile(folder.file("w")).find("fc.weight") != nullptr);
    CHECK(names_in(folder.path()) == std::vector<std::string>{"c.pth", "w"});
    check_refusal(run_program({"import", folder.file("w"), folder.file("v")}), 1, "is a weights file already");
}

TEST_CASE("AFNET_TRACE writes what each kernel took", "[program_output]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    CHECK(classified({"-q", sample_video()}, tracing_to(folder.file("t.json"))).status == 0);
    const auto trace = nlohmann::json::parse(text_of(folder.file("t.json")));
    REQUIRE(trace.at("traceEvents").size() > 50);
    for (const auto &event : trace.at("traceEvents")) {
        CHECK(event.at("ph") == "X");
        CHECK(event.at("dur").get<double>() >= 0);
        CHECK_FALSE(event.at("args").at("kernel").get<std::string>().empty());
    }
    CHECK(run_program({"info"}, tracing_to(folder.file("none.json"))).status == 0);
    CHECK(nlohmann::json::parse(text_of(folder.file("none.json"))).at("traceEvents").empty());
    CHECK(names_in(folder.path()).size() == 2);
}
