// afnet bench sparsity from the command line: its files, and what it refuses before it measures.
#include <csignal>
#include <filesystem>
#include <numeric>
#include <unistd.h>

#include "tests/model/xml_check.h"
#include "tests/model/checkpoint_builder.h"
#include "tests/program/program_run.h"
#include "tests/program/sample_media.h"

using namespace afnet_test;
using Catch::Matchers::Contains;

namespace {

const Arguments kQuick = {"bench", "sparsity", "--model", "af_mobilenetv3_tsm", "--size", "64",        "--rt", "0",
                          "0.4",   "--rounds", "1",       "--seconds",          "0.1",    "--threads", "1"};

Arguments quick(const Arguments &more) {
    Arguments all = kQuick;
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

std::string text_of(const std::string &path) {
    const Bytes bytes = read_bytes(path);
    return std::string(bytes.begin(), bytes.end());
}

}  // namespace

TEST_CASE("bench sparsity --out writes three whole files", "[program_sparsity]") {
    const afnet::TemporaryFolder folder;
    const std::string out = folder.file("a/b");
    const ProgramRun run = run_program(quick({"--json", "--frames", "4", "--out", out}));
    INFO(run.err);
    REQUIRE(run.status == 0);
    CHECK(names_in(out) == std::vector<std::string>{"sparsity.csv", "sparsity.html", "sparsity.json"});
    CHECK(text_of(out + "/sparsity.json") == run.out);
    CHECK(afnet::xml_fault(text_of(out + "/sparsity.html")) == "");
    const auto document = nlohmann::json::parse(run.out);
    const auto &rows = document.at("rows");
    REQUIRE(rows.size() == 4);  // without masks, 0, .4 and 1
    CHECK(rows[0].at("mask") == "none");
    CHECK(rows[1].at("realised_rt") == 0);
    CHECK(rows[2].at("rt") == 0.4);
    CHECK(rows[2].at("realised_rt") == 0.5);
    CHECK(rows[3].at("rt") == 1);
    CHECK(rows[3].at("share").is_null());
    for (const auto &row : rows) {
        CHECK(row.at("ms_median") > 0);
        CHECK(row.at("threads") == 1);
        CHECK(row.at("frames") == 4);
        CHECK(row.at("gmac_dense") == rows[0].at("gmac"));
    }
    CHECK(rows[1].at("gmac") < rows[2].at("gmac"));
    CHECK(rows[2].at("gmac") < rows[3].at("gmac"));
    CHECK(rows[1].at("speedup_theory") > rows[2].at("speedup_theory"));
    CHECK(document.at("machine").at("fma_peak_gmac_per_s") > 0);
    CHECK_THAT(run.err, Contains("bench sparsity: 0/1"));
}

TEST_CASE("bench sparsity sweeps masks, frames, sizes, batches and threads", "[program_sparsity]") {
    // Two of each: sizes, frames, batches; then threads with another pattern.
    const Arguments common = {"bench",        "sparsity", "-q",       "--json", "--model",   "af_mobilenetv3_tsm",
                              "--rt",         "0.5",      "--rounds", "1",      "--seconds", "0.1",
                              "--unselected", "skipped",  "--mask",   "first"};
    const auto swept = [&](Arguments more) {
        more.insert(more.begin(), common.begin(), common.end());
        const ProgramRun run = run_program(more);
        INFO(run.err);
        REQUIRE(run.status == 0);
        CHECK(run.err.empty());
        return nlohmann::json::parse(run.out);
    };
    const auto shapes = swept({"--size", "32", "64", "--frames", "2", "3", "--batch", "1", "2", "--threads", "1"});
    CHECK(shapes.at("rows").size() == 8 * (1 + 2));
    CHECK(shapes.at("summaries").size() == 8);
    for (const auto &row : shapes.at("rows")) CHECK(row.at("unselected") == "skipped");
    CHECK(shapes.at("rows").front().at("size") == 32);
    CHECK(shapes.at("rows").back().at("batch") == 2);
    const auto threads = swept({"random", "--size", "32", "--frames", "2", "--threads", "1", "2"});
    CHECK(threads.at("rows").size() == 2 * (1 + 2 * 2));
    CHECK(threads.at("rows").front().at("threads") == 1);
    CHECK(threads.at("rows").back().at("threads") == 2);
    CHECK(threads.at("rows").back().at("mask") == "random");
}

TEST_CASE("bench sparsity takes masks from a clip", "[program_sparsity]") {
    if (no_samples()) return;
    const ProgramRun run = run_program({"bench", "sparsity", "-q", "--json", "--model", "af_mobilenetv3_tsm", "--size",
                                        "64", "--clip", sample_video(), "--rounds", "1", "--seconds", "0.1"});
    INFO(run.err);
    REQUIRE(run.status == 0);
    const auto document = nlohmann::json::parse(run.out);
    const auto &learned = document.at("rows").at(1);
    CHECK(learned.at("mask") == "clip");
    CHECK(learned.at("rt") == learned.at("realised_rt"));
    // The masks are those that classify shows.
    const auto classified_clip = classified({"-q", "--json", sample_video()}).json_lines().at(0);
    CHECK(learned.at("realised_rt").get<double>() == Approx(classified_clip.at("realised_rt").get<double>()));
}

TEST_CASE("bench sparsity refuses what makes no sense before it measures", "[program_sparsity]") {
    check_refusal(run_program({"bench", "sparsity", "--model", "resnet50"}), 1, "no mask governs");
    check_refusal(run_program({"bench", "sparsity", "--model", "nosuch"}), 2, "unknown model");
    check_refusal(run_program({"bench", "sparsity", "--mask", "clip"}), 2, "--clip");
    check_refusal(run_program(quick({"-q", "--clip", "/nowhere.mp4"})), 1, "/nowhere.mp4");
    for (const Arguments &line : {Arguments{"--mask", "nosuch"},
                                  {"--rt", "1.5"},
                                  {"--frames", "257"},
                                  {"--size", "31"},
                                  {"--batch", "0"},
                                  {"--rounds", "0"},
                                  {"--seed", "-1"},
                                  {"--threads", "-1"},
                                  {"--out", ""}}) {
        const ProgramRun run = run_program(quick(line));
        INFO(line[0]);
        CHECK(run.status == 2);
        CHECK(run.out.empty());
    }
}

TEST_CASE("bench sparsity refuses clips that a model's weights are not for", "[program_sparsity]") {
    const afnet::TemporaryFolder folder;
    const std::string checkpoint = folder.file("c.pth"), model = folder.file("small.safetensors");
    write_bytes(checkpoint, torch_file(state_dict_of(small_network(afnet::Family::AfResNet))));
    REQUIRE(run_program({"import", "-q", checkpoint, model, "--no-shift"}).status == 0);
    check_refusal(run_program({"bench", "sparsity", "-q", "--model", model, "--frames", "4", "5"}), 1,
                  "its weights are for clips of 4 frames; --frames 5 asks for another number");
}

TEST_CASE("bench sparsity finds a bad --out before it measures, and leaves nothing", "[program_sparsity]") {
    const afnet::TemporaryFolder folder;
    const Arguments endless = {"bench",  "sparsity", "-q",       "--model", "af_mobilenetv3_tsm",
                               "--size", "64",       "--rounds", "100000",  "--seconds",
                               "100000", "--out"};
    const auto refused = [&](const std::string &out, const std::string &part, const Circumstances &circumstances = {}) {
        Arguments line = endless;
        line.push_back(out);
        check_refusal(run_program(line, circumstances), 1, part);
    };
    write_text(folder.file("file"), "x");
    refused(folder.file("file"), "not a folder");
    refused(folder.file("file") + "/below", "file/below");
    Circumstances full;
    full.file_bytes = 1 << 16;
    refused(folder.file("out"), "cannot write", full);
    if (::geteuid() != 0) {
        std::filesystem::create_directory(folder.file("sealed"));
        std::filesystem::permissions(folder.file("sealed"), std::filesystem::perms::owner_read);
        refused(folder.file("sealed"), "sealed");
        std::filesystem::permissions(folder.file("sealed"), std::filesystem::perms::owner_all);
        std::filesystem::remove(folder.file("sealed"));
    }
    CHECK(names_in(folder.path()) == std::vector<std::string>{"file"});
}

TEST_CASE("Ctrl-C during bench sparsity leaves nothing", "[program_sparsity]") {
    const afnet::TemporaryFolder folder;
    ProgramChild child({"bench", "sparsity", "--model", "af_mobilenetv3_tsm", "--size", "64", "--rounds", "100000",
                        "--seconds", "100000", "--out", folder.file("out")});
    child.wait_for("bench sparsity: 0/");
    child.send(SIGINT);
    const ProgramRun run = child.finish();
    CHECK(run.status == 130);
    CHECK(run.out.empty());
    CHECK(names_in(folder.path()).empty());
}
