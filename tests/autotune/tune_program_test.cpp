// `afnet tune` from the command line to records, on a small network, with sound and with faulty generators.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "autotune/records.h"
#include "runtime/text.h"
#include "tests/autotune/tuning_run.h"
#include "tests/kernel_targets.h"

using namespace afnet;
using namespace afnet_test;
using Catch::Matchers::Contains;
using Json = nlohmann::json;

namespace {

const char *kKernel = "conv2d_k3s2g1_8x8_relu";

// Direct by itself; with these arguments its candidates are Winograd's, whose sums differ in their last places.
const char *kWinograd = "conv2d_k3s1g2_16x16_relu";
const Arguments kOtherSums = {"--only", "algorithm=4", "co_block=16", "kept=16", "--budget", "3", "--gain", "90"};

} // namespace

TEST_CASE("a search measures what its budget allows and resumes from its log", "[program_tune]") {
    const Tuning tuning;
    const Json first = tuning.row(kKernel, {"--budget", "2", "--seed", "5", "--gain", "90"});
    CHECK(first.at("kernel") == kKernel);
    CHECK(first.at("space").get<int>() > 100);
    CHECK(first.at("measured_now") >= 2);
    CHECK(first.at("outcomes").at("ok") == 2);
    CHECK(first.at("automatic_ms") > 0);
    CHECK(first.at("best_ms") > 0);
    CHECK(first.at("percent_of_peak") > 0);
    CHECK(first.at("record") == "none"); // nothing saves 90 percent
    CHECK(first.at("fault").is_null());
    CHECK(names_in(tuning.records()).empty());

    const std::vector<Json> lines = tuning.log_lines();
    CHECK(lines.front().at("knobs").empty()); // the automatic knobs first
    CHECK(lines.front().at("kernel") == kKernel);
    CHECK(lines.front().at("seed") == 5);
    CHECK(lines.front().at("ms").size() == 3);
    CHECK(lines.front().at("shapes").size() == 1);
    for (const char *field : {"target", "cpu", "generator", "time", "threads", "peak_gmac_per_s", "resolved"}) {
        CHECK(lines.front().contains(field));
    }

    // The same command finds everything there; a larger budget goes on.
    const Json again = tuning.row(kKernel, {"--budget", "2", "--seed", "5", "--gain", "90"});
    CHECK(again.at("measured_now") == 0);
    CHECK(again.at("tried") == first.at("tried"));
    CHECK(tuning.log_lines().size() == lines.size());
    const Json more = tuning.row(kKernel, {"--budget", "3", "--seed", "5", "--gain", "90"});
    CHECK(more.at("measured_now").get<int>() == more.at("tried").get<int>() - first.at("tried").get<int>());
    CHECK(more.at("outcomes").at("ok") == 3);

    // A time is a budget as well: what it does not cover is left.
    const Json timed = tuning.row(kKernel, {"--budget", "0.1s", "--seed", "5", "--gain", "90"});
    CHECK(timed.at("fault").is_null());
    CHECK(timed.at("tried") < timed.at("space"));
}

TEST_CASE("a record is a candidate, and stays unless it is beaten", "[program_tune]") {
    const Tuning tuning;
    const std::string target = Json::parse(run_program({"info", "--json"}).out).at("target").get<std::string>();
    const Knobs knobs = {{"co_block", 16}, {"order", 2}, {"rows", 2}, {"tile_x", 2}};
    write_record(tuning.records(), target, kKernel, knobs, {});
    const std::string path = record_path(tuning.records(), target, kKernel), before = contents_of(path);
    const Json row = tuning.row(kKernel, {"--budget", "3", "--gain", "99"});
    CHECK(row.at("record") == "kept");
    CHECK(row.at("knobs").get<Knobs>() == knobs);
    CHECK(contents_of(path) == before);
    const auto lines = tuning.log_lines();
    REQUIRE(lines.size() >= 2);
    CHECK(lines[1].at("knobs").get<Knobs>() == knobs);

    // One that no longer compiles is told, and left.
    write_record(tuning.records(), target, kKernel, {{"tile_x", 1000}}, {});
    const ProgramRun run = tuning.run(kKernel, {"--budget", "1", "--json", "--gain", "99"});
    CHECK(run.status == 0);
    const ProgramRun two = tuning.run(kKernel, {"--budget", "2", "--gain", "99"});
    CHECK_THAT(two.err, Contains("no longer makes a right kernel") && Contains(" refused"));
    CHECK_THAT(two.out, Contains("unusable"));
    CHECK(record_knobs(tuning.records(), target, kKernel) == Knobs{{"tile_x", 1000}});
}

TEST_CASE("--dry-run lists what would be measured and touches nothing", "[program_tune]") {
    const Tuning tuning;
    const ProgramRun run = tuning.run("conv2d_k3*", {"--dry-run"});
    CHECK(run.status == 0);
    CHECK_THAT(run.out, Contains(kKernel) && Contains("[8, 16, 16, 4] -> [8, 8, 8, 4]"));
    CHECK_FALSE(std::filesystem::exists(tuning.log()));
    const Json document = Json::parse(tuning.run("stem*", {"--dry-run", "--json"}).out);
    CHECK(document.at("rows")[0].at("space") > 1);
    const ProgramRun patches = tuning.run("conv2d_points*scatter", {"--dry-run", "--rs", "0.25", "--grid", "4"});
    CHECK(patches.status == 0);
    CHECK_THAT(patches.out, Contains("128 selected, 0.25 of 4x4 patches of 2 frames"));
}

TEST_CASE("a kernel at points is tuned on the pixels that masks in space select", "[program_tune]") {
    const Tuning tuning;
    const Json row = tuning.row("conv2d_points*_16x16_*", {"--rs", "0.25", "--grid", "4", "--budget", "3"});
    CHECK(row.at("outcomes").at("ok") >= 2);
    CHECK(row.at("automatic_ms") > 0);
    CHECK_THAT(row.at("shapes")[0].at("shape").get<std::string>(), Contains("0.25 of 4x4 patches"));
    CHECK(tuning.log_lines().back().at("difference") <= 2e-5);
}

TEST_CASE("kernels of bfloat16 are tuned where the CPU has their instructions", "[program_tune]") {
    const Tuning tuning;
    check_refusal(tuning.run("conv2d*", {"--target", "x86-64", "--dtype", "bf16"}), 2, "hold no kernels of bf16");
    const std::string name = "x86-64-avx512-bf16";
    const std::vector<Target> executable = executable_targets(Dtype::BF16);
    if (std::none_of(executable.begin(), executable.end(), [&](const Target &t) { return t.name == name; })) return;
    // Kernels whose sums have another order agree to bfloat16's last place, and not bit for bit.
    Arguments arguments = kOtherSums;
    arguments.insert(arguments.end(), {"--target", name, "--dtype", "bf16"});
    const Json row = tuning.row(std::string(kWinograd) + "_bf16", arguments);
    CHECK(row.at("outcomes").at("ok") == 3);
    CHECK(tuning.log_lines().front().at("target") == name);
    CHECK(tuning.log_lines().back().at("difference") > 0);
}

TEST_CASE("--tolerance 0 takes only kernels that compute the same bits", "[program_tune]") {
    const Tuning tuning;
    Arguments arguments = kOtherSums;
    CHECK_FALSE(tuning.row(kWinograd, arguments).at("outcomes").contains("wrong"));
    arguments.insert(arguments.end(), {"--tolerance", "0"});
    const Json row = tuning.row(kWinograd, arguments);
    CHECK(row.at("outcomes").at("ok") == 1);
    CHECK(row.at("outcomes").contains("wrong"));
}

TEST_CASE("requests of tune that make no sense are refused", "[program_tune]") {
    const Tuning tuning;
    check_refusal(tuning.run("nosuch*", {}), 2, "matches 'nosuch*'");
    check_refusal(tuning.run(kKernel, {"--budget", "soon"}), 2, "--budget 'soon'");
    check_refusal(tuning.run("conv2d_points*", {}), 2, "no kernel that computes anything");
    check_refusal(tuning.run("conv2d_points*", {"--rs", "1"}), 2, "no kernel that computes anything");
    check_refusal(tuning.run(kKernel, {"--rs", "0.5", "--dtype", "bf16"}), 1, "masks in space run in f32 only");
    CHECK(tuning.run(kKernel, {"--rs", "1.5"}).status == 2);
    CHECK(tuning.run(kKernel, {"--rs", "0.5", "--grid", "0"}).status == 2);
    check_refusal(tuning.run(kKernel, {"--target", "nosuch"}), 2, "nosuch");
    check_refusal(tuning.run(kKernel, {"--target", "arm-64"}), 1, "do not run on this CPU");
    check_refusal(run_program({"tune", "--kernels", "*", "--model", "nosuch"}), 2, "unknown model");
    CHECK(run_program({"tune", "--kernels", "*"}).status == 2);
    CHECK(run_program({"tune", "--model", "resnet50"}).status == 2);
    std::ofstream(tuning.log()) << "{}\n{}\n";
    check_refusal(tuning.run(kKernel, {}), 1, "not a log");
}

TEST_CASE("Ctrl-C ends a search with its log whole and says how to go on", "[program_tune]") {
    const Tuning tuning;
    ProgramChild child(tuning.arguments(kKernel, {"--budget", "400", "--seed", "2"}));
    child.wait_for("tune " + std::string(kKernel) + ": ");
    child.send(SIGINT);
    const ProgramRun run = child.finish();
    CHECK(run.status == 130);
    CHECK_THAT(run.err, Contains("the same command goes on from there"));
    const size_t measured = tuning.log_lines().size();
    REQUIRE(measured >= 1);
    const Json row = tuning.row(kKernel, {"--budget", "2", "--seed", "2", "--gain", "99"});
    CHECK(row.at("measured_now").get<size_t>() ==
          row.at("tried").get<size_t>() - std::min<size_t>(measured, row.at("tried")));
}

#ifdef AFNET_FAULTY_GENERATORS
TEST_CASE("a winner becomes a record, and replaces one that it beats", "[program_tune]") {
    const Tuning tuning;
    const std::string target = Json::parse(run_program({"info", "--json"}).out).at("target").get<std::string>();
    const std::string path = record_path(tuning.records(), target, "linear_relu");
    // The automatic kernel waits for milliseconds, and so does knob 12.
    const Arguments quick = {"--generators", AFNET_FAULTY_GENERATORS, "--cache", tuning.cache(), "--only", "fault=1,3"};
    const Json row = tuning.row("linear_relu", quick);
    CHECK(row.at("record") == "written");
    CHECK(row.at("knobs") == Json{{"fault", 1}});
    CHECK(row.at("gain") > 0.5);
    CHECK(row.at("outcomes") == Json{{"ok", 2}, {"wrong", 1}});
    const Json record = Json::parse(contents_of(path));
    CHECK(record.at("knobs") == row.at("knobs"));
    CHECK(record.at("measured").at("ms") < record.at("measured").at("automatic_ms"));
    for (const char *field : {"gain", "percent_of_peak", "cpu", "threads", "shapes", "date", "seed"}) {
        CHECK(record.at("measured").contains(field));
    }

    write_record(tuning.records(), target, "linear_relu", {{"fault", 12}}, {});
    CHECK(tuning.row("linear_relu", quick).at("record") == "replaced");
    CHECK(record_knobs(tuning.records(), target, "linear_relu") == Knobs{{"fault", 1}});
    const std::string before = contents_of(path);
    CHECK(tuning.row("linear_relu", quick).at("record") == "kept");
    CHECK(contents_of(path) == before);
}

TEST_CASE("whatever a candidate does is an outcome and not the tuner's end", "[program_tune]") {
    const Tuning tuning;
    const Arguments faulty = {"--generators",   AFNET_FAULTY_GENERATORS,
                              "--cache",        tuning.cache(),
                              "--budget",       "100",
                              "--jobs",         "2",
                              "--time-limit",   "10",
                              "--memory-limit", "2000",
                              "--gain",         "99"};
    const Json row = tuning.row("linear_sigmoid", faulty);
    CHECK(row.at("space") == 11);
    CHECK(row.at("tried") == 12);
    CHECK(row.at("fault").is_null());

    std::map<int, Json> lines; // by fault
    for (const Json &line : tuning.log_lines()) {
        if (!line.at("knobs").empty() && !line.contains("final")) lines[line.at("knobs").at("fault").get<int>()] = line;
    }
    const std::map<int, std::string> expected = {{1, "same"},    {2, "ok"},      {3, "wrong"},  {4, "refused"},
                                                 {5, "crash"},   {6, "timeout"}, {7, "memory"}, {8, "crash"},
                                                 {9, "timeout"}, {10, "memory"}, {11, "failed"}};
    for (const auto &[fault, outcome] : expected) {
        INFO("fault " << fault << ": " << lines[fault].dump());
        CHECK(lines[fault].at("outcome") == outcome);
        CHECK(lines[fault].at("ms").empty() == (outcome != "ok"));
        CHECK(lines[fault].at("detail").get<std::string>().empty() == (outcome == "ok"));
    }
    CHECK_THAT(lines[3].at("detail").get<std::string>(), Contains("of the largest magnitude"));
    CHECK(lines[3].at("difference") > 1e-3);
    CHECK_THAT(lines[4].at("detail").get<std::string>(), Contains("does not go with this shape"));
    CHECK_THAT(lines[11].at("detail").get<std::string>(), Contains("a kernel's complaint"));

    // None of them is tried again.
    const Json again = tuning.row("linear_sigmoid", faulty);
    CHECK(again.at("measured_now") == 0);
    CHECK(again.at("outcomes") == row.at("outcomes"));
}
#endif
