// afnet bench granularity, and masks in space of afnet bench sparsity, from the command line.
#include "runtime/file_io.h"
#include "tests/model/checkpoint_builder.h"
#include "tests/model/xml_check.h"
#include "tests/program/program_run.h"
#include "tests/program/sample_media.h"

using namespace afnet_test;
using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

const Arguments kSize = {"--model",  "af_tiny", "--size",    "64",  "--frames",  "2",
                         "--rounds", "1",       "--seconds", "0.1", "--threads", "1"};

Arguments bench(const char *command, const Arguments &more) {
    Arguments all = {"bench", command};
    all.insert(all.end(), kSize.begin(), kSize.end());
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

json document_of(const Arguments &arguments) {
    const ProgramRun run = run_program(arguments);
    INFO(run.err);
    REQUIRE(run.status == 0);
    return json::parse(run.out);
}

std::string text_of(const std::string &path) {
    const Bytes bytes = read_bytes(path);
    return std::string(bytes.begin(), bytes.end());
}

// af_tiny with masks in space on a grid of 4, beside those of frames or alone; weights are made up.
std::string spatial_model(const afnet::TemporaryFolder &folder, const char *masks) {
    json description = document_of({"info", "-q", "--json", "--model", "af_tiny"}).at("model").at("description");
    description["masks"] = masks;
    description["grid"] = 4;
    const std::string path = folder.file(std::string(masks) + ".json");
    afnet::write_file(path, description.dump());
    return path;
}

} // namespace

TEST_CASE("bench sparsity sweeps RS, grids and shapes beside the network without masks", "[program_sparsity]") {
    const afnet::TemporaryFolder folder;
    const std::string out = folder.file("out");
    const json document = document_of(bench("sparsity", {"-q", "--json", "--rt", "0.5", "--rs", "0", "0.25", "--grid",
                                                         "2", "4", "--patches", "blob", "border", "--out", out}));
    const auto &rows = document.at("rows");
    // Without masks; at both RT: all patches, then two shapes, two grids and three RS.
    REQUIRE(rows.size() == 1 + 2 * (1 + 2 * 2 * 3));
    CHECK(rows[1].at("patches").is_null());
    CHECK(rows[1].at("realised_rs") == 1);
    CHECK(rows[2].at("patches") == "blob");
    CHECK(rows[2].at("grid") == 2);
    CHECK(rows[2].at("rs") == 0);
    CHECK(rows[3].at("realised_rs") == 0.25);
    CHECK(rows[3].at("realised_rt") == 0.5);
    CHECK(rows[2].at("gmac") < rows[3].at("gmac"));
    CHECK(rows[3].at("gmac") < rows[4].at("gmac"));
    CHECK(rows[2].at("speedup_theory") > rows[3].at("speedup_theory"));
    CHECK(rows[1].at("ms_theory") == rows[4].at("ms_theory"));
    CHECK(rows[13].at("patches") == "border");
    CHECK(rows[13].at("grid") == 4);
    CHECK(document.at("patch_summaries").size() == 2 * 2 * 2);
    CHECK(document.at("summaries").size() == 1);
    int lists = 0;
    for (const auto &line : document.at("overheads"))
        lists += line.at("overhead") == "patch lists";
    CHECK(lists == 2 * 2 * 2 * 3);
    CHECK(names_in(out) == std::vector<std::string>{"sparsity.csv", "sparsity.html", "sparsity.json"});
    CHECK(json::parse(text_of(out + "/sparsity.json")) == document);
    CHECK(afnet::xml_fault(text_of(out + "/sparsity.html")) == "");
}

TEST_CASE("bench sparsity takes patches from a clip", "[program_sparsity]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    for (const char *masks : {"both", "spatial"}) {
        const json document = document_of({"bench", "sparsity", "-q", "--json", "--model", spatial_model(folder, masks),
                                           "--size", "64", "--clip", sample_video(), "--patches", "learned", "--rounds",
                                           "1", "--seconds", "0.1", "--threads", "1"});
        const bool temporal = std::string(masks) == "both";
        const auto &rows = document.at("rows");
        INFO(masks);
        int learned = 0;
        for (const auto &row : rows) {
            if (row.at("patches") != "learned") continue;
            learned++;
            CHECK(row.at("grid") == 4);
            CHECK(row.at("rs") == row.at("realised_rs"));
            CHECK(row.at("mask") == (temporal ? "clip" : "all"));
        }
        CHECK(learned >= 2);
        CHECK(rows.back().at("rs") == 1);
        for (const auto &line : document.at("overheads")) {
            if (line.at("overhead") == "spatial navigation") CHECK(line.at("ms") > 0);
        }
    }
}

TEST_CASE("bench sparsity refuses masks in space that make no sense", "[program_sparsity]") {
    const afnet::TemporaryFolder folder;
    const auto refused = [](const Arguments &more, int status, const char *part) {
        check_refusal(run_program(bench("sparsity", more)), status, part);
    };
    refused({"--patches", "blob"}, 2, "--rs");
    refused({"--grid", "7"}, 2, "--rs");
    refused({"--patches", "learned"}, 2, "--clip");
    refused({"--patches", "learned", "--rs", "0.5", "--clip", "x.mp4"}, 2, "a ratio of their own");
    refused({"--patches", "learned", "--clip", "x.mp4"}, 1, "no spatial navigation");
    refused({"--rs", "0.5", "--dtype", "bf16"}, 1, "bf16"); // or the machine has none
    for (const Arguments &line : {Arguments{"--rs", "1.5"},
                                  {"--rs", "0.5", "--grid", "0"},
                                  {"--rs", "0.5", "--grid", "65"},
                                  {"--rs", "0.5", "--patches", "all"},
                                  {"--rs", "x"}}) {
        const ProgramRun run = run_program(bench("sparsity", line));
        INFO(line[1]);
        CHECK(run.status == 2);
        CHECK(run.out.empty());
    }
    check_refusal(run_program({"bench", "sparsity", "--model", "af_mobilenetv3_tsm", "--rs", "0.5"}), 1,
                  "af_resnet networks of bottlenecks");
    check_refusal(run_program({"bench", "sparsity", "--model", spatial_model(folder, "spatial")}), 1,
                  "masks are in space only");
}

TEST_CASE("bench granularity tells of each patch size, stage and block", "[program_sparsity]") {
    const afnet::TemporaryFolder folder;
    const std::string out = folder.file("out");
    const json document = document_of(bench("granularity", {"-q", "--json", "--grid", "2", "8", "32", "--rs", "0.25",
                                                            "1", "--patches", "random", "--out", out}));
    // Maps of af_tiny are 16, 8 and 4 pixels wide, with two focal blocks each: a grid of 8 is for the first two stages,
    // one of 32 for none.
    const auto &rows = document.at("rows");
    REQUIRE(rows.size() == 2 * (3 + 6) + 2 * (2 + 4));
    double listed = 0, of_stage = 0, total = 0;
    for (const auto &row : rows) {
        INFO(row.dump());
        const bool stage = row.at("layer") == row.at("stage");
        CHECK(row.at("blocks") == (stage ? 2 : 1));
        CHECK(row.at("ms_dense") > 0);
        CHECK(row.at("ms_listed") > 0);
        CHECK(row.at("ms_whole") > 0);
        CHECK(row.at("ms_index") > 0);
        CHECK(row.at("grid") != 32);
        CHECK(row.at("share").is_null() == (row.at("rs") == 1));
        CHECK(row.at("computed_per_pixel") >= 1);
        (stage ? of_stage : listed) += row.at("ms_listed").get<double>();
        double lines = 0;
        for (const char *line : {"ms_index", "ms_gather", "ms_compact", "ms_halo", "ms_scatter", "ms_fill"}) {
            lines += row.at(line).get<double>();
        }
        total = row.at("ms_total");
        CHECK(lines == Approx(total).margin(1e-6));
    }
    CHECK(listed == Approx(of_stage));
    CHECK(document.at("break_evens").size() == (3 + 6) + (2 + 4));
    CHECK(names_in(out) == std::vector<std::string>{"granularity.csv", "granularity.html", "granularity.json"});
    CHECK(afnet::xml_fault(text_of(out + "/granularity.html")) == "");
    const ProgramRun text = run_program(bench("granularity", {"-q", "--grid", "4", "--rs", "0.5"}));
    CHECK(text.status == 0);
    CHECK_THAT(text.out, Contains("plans change at"));
}

TEST_CASE("bench granularity refuses what it cannot run", "[program_sparsity]") {
    check_refusal(run_program({"bench", "granularity", "--model", "af_resnet34"}), 1, "of bottlenecks");
    check_refusal(run_program(bench("granularity", {"--dtype", "bf16"})), 1, "bf16");
    for (const Arguments &line : {Arguments{"--grid", "0"}, {"--rs", "2"}, {"--patches", "learned"}, {"--out", ""}}) {
        const ProgramRun run = run_program(bench("granularity", line));
        INFO(line[0]);
        CHECK(run.status == 2);
        CHECK(run.out.empty());
    }
}
