// afnet train: what a run leaves behind, and that a run that was stopped ends as one that was not.
#include <csignal>
#include <filesystem>
#include <sstream>

#include "tests/program/program_run.h"
#include "tests/program/sample_media.h"
#include "tests/program/train_fixture.h"
#include "tests/temporary_folder.h"

using namespace afnet_test;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

Arguments training(const std::string &list, const std::string &out, const Arguments &more = {},
                   const std::string &batch = "8") {
    Arguments all = {"train", "--model",  "af_tiny", "--size",  "32", "--crop",      "whole", "--data",
                     list,    "--out",    out,       "--steps", "10", "--batch",     batch,   "--lr",
                     "0.02",  "--groups", "plain",   "--seed",  "5",  "--keep-bias", "2"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

// The best top-1 of a run's log, whose rows are handed to `check`.
template <class Check> double best_validation(const std::string &out, Check check) {
    const Bytes log = read_bytes(out + "/log.jsonl");
    std::istringstream rows(std::string(log.begin(), log.end()));
    double top1 = -1;
    for (std::string row; std::getline(rows, row);) {
        const auto json = nlohmann::json::parse(row);
        check(json);
        top1 = std::max(top1, json.at("val_top1").get<double>());
    }
    return top1;
}

// Eval with the same masks says the same of a run's best weights.
void check_evaluation(const std::string &out, const std::string &list, const Arguments &masks, double top1) {
    Arguments given = {"eval", out, "--data", list, "--mask-seed", "5", "--json", "--quiet", "--masks"};
    given.insert(given.end(), masks.begin(), masks.end());
    const ProgramRun told = run_program(given);
    INFO(told.err);
    REQUIRE(told.status == 0);
    CHECK(told.json_lines().at(0).at("top1").get<double>() == Approx(top1).margin(0.01));
}

} // namespace

TEST_CASE("train leaves weights that classify reads, and logs", "[program_train]") {
    const afnet::TemporaryFolder folder;
    const std::string list = made_clips(folder.path() + "/clips", 32), out = folder.path() + "/run";
    const ProgramRun run = run_program(training(list, out, {"--val", list, "--json"}));
    INFO(run.err);
    REQUIRE(run.status == 0);
    const auto lines = run.json_lines();
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].at("steps") == 10);
    CHECK(lines[0].at("epochs") == 3); // 4 batches each
    for (const char *name : {"best.safetensors", "last.safetensors", "log.csv", "log.jsonl", "config.json"}) {
        INFO(name);
        CHECK(fs::exists(fs::path(out) / name));
    }
    const ProgramRun told =
        run_program({"classify", folder.path() + "/clips/videos/000000.mp4", "--model", out, "--json", "--quiet"});
    INFO(told.err);
    CHECK(told.status == 0);
    check_refusal(run_program(training(list, out)), 1, out); // there is a run already
}

TEST_CASE("a run that was stopped and resumed ends with the bits of one that was not", "[program_train]") {
    const afnet::TemporaryFolder folder;
    const std::string list = made_clips(folder.path() + "/clips", 32);
    const std::string whole = folder.path() + "/whole", stopped = folder.path() + "/stopped";
    REQUIRE(run_program(training(list, whole, {"--quiet", "--threads", "1", "--ema", "0.9"})).status == 0);
    int stops = 0;
    for (int signal : {SIGTERM, SIGKILL, SIGINT, 0}) {
        ProgramChild child(training(list, stopped, {"--resume", "auto", "--threads", "2", "--ema", "0.9"}));
        if (signal != 0) {
            child.wait_for("train train, epoch");
            child.send(signal);
        }
        const ProgramRun run = child.finish();
        INFO(run.err);
        if (run.status == 0) continue; // it was quicker
        CHECK(run.status == (signal == SIGKILL ? -SIGKILL : 128 + signal));
        stops++;
    }
    INFO(stops << " stops");
    for (const char *name : {"/last.safetensors", "/best.safetensors"}) {
        INFO(name);
        // Seconds stand in the metadata; the tensors behind are what counts.
        const Bytes a = read_bytes(whole + name), b = read_bytes(stopped + name);
        const size_t tail = 1 << 20;
        REQUIRE(a.size() > tail);
        REQUIRE(b.size() > tail);
        CHECK(std::equal(a.end() - long(tail), a.end(), b.end() - long(tail)));
    }
}

TEST_CASE("train validates with the masks that it trains with", "[program_train]") {
    const afnet::TemporaryFolder folder;
    const std::string list = made_clips(folder.path() + "/clips", 16), out = folder.path() + "/run";
    const ProgramRun run =
        run_program(training(list, out, {"--val", list, "--masks", "random", "--rt", "0.25", "--rt-begin", "0",
                                         "--rt-end", "0", "--quiet"}));
    INFO(run.err);
    REQUIRE(run.status == 0);
    const double top1 = best_validation(out, [](const nlohmann::json &json) {
        CHECK(json.at("realised_rt") == 0.25);
        CHECK(json.at("target_rt") == 0.25);
    });
    check_evaluation(out, list, {"random", "--rt", "0.25"}, top1);
}

TEST_CASE("train takes policies of patches, and validates with them", "[program_train]") {
    const std::string policy = GENERATE("blob", "crop");
    const afnet::TemporaryFolder folder;
    const std::string list = made_clips(folder.path() + "/clips", 16), out = folder.path() + "/run";
    const Arguments masks = {"--val", list,         "--masks", "spatial",  policy, "--grid",       "4",      "--rs",
                             "0.25",  "--rs-begin", "0",       "--rs-end", "0",    "--unselected", "sparse", "--quiet"};
    const ProgramRun run = run_program(training(list, out, masks));
    INFO(run.err);
    REQUIRE(run.status == 0);
    const double top1 = best_validation(out, [](const nlohmann::json &json) {
        CHECK(json.at("realised_rs") == 0.25);
        CHECK(json.at("target_rs") == 0.25);
        CHECK(json.at("realised_rt") == 1);
    });
    check_evaluation(out, list, {policy, "--rs", "0.25"}, top1);
    Arguments other = masks;
    other.insert(other.end(), {"--masks-of", "patches", "--resume", "auto"}); // the run is another one
    check_refusal(run_program(training(list, out, other)), 1, "masks_of: \"auto\", now \"patches\"");
}

TEST_CASE("a network that was trained on selected frames alone is used without the others", "[program_train]") {
    const afnet::TemporaryFolder folder;
    const std::string list = made_clips(folder.path() + "/clips", 16);
    const auto trained = [&](const std::string &name, const Arguments &more) {
        Arguments given = {"--rt", "0.25", "--rt-type", "linear", "--rt-begin", "0", "--rt-end", "0.1", "--val", list};
        given.insert(given.end(), more.begin(), more.end());
        const ProgramRun run = run_program(training(list, folder.file(name), given));
        INFO(run.err);
        REQUIRE(run.status == 0);
        return folder.file(name);
    };
    const auto scores = [&](const std::string &run, const Arguments &more) {
        Arguments given = {"classify", folder.path() + "/clips/videos/000001.mp4", "--model", run, "--json", "--quiet"};
        given.insert(given.end(), more.begin(), more.end());
        const ProgramRun told = run_program(given);
        INFO(told.err);
        REQUIRE(told.status == 0);
        return told.json_lines().at(0).at("topk");
    };
    const std::string sparse = trained("sparse", {"--unselected", "sparse"}), masked = trained("masked", {});
    CHECK(scores(sparse, {}) == scores(sparse, {"--unselected", "skipped"}));
    CHECK(scores(sparse, {}) != scores(sparse, {"--unselected", "masked"}));
    CHECK(scores(masked, {}) == scores(masked, {"--unselected", "masked"}));
    CHECK(scores(masked, {}) != scores(sparse, {}));
    const std::string patches = trained("patches", {"--unselected", "sparse", "--masks", "spatial", "--grid", "4"});
    CHECK(scores(patches, {}) == scores(patches, {"--unselected", "skipped"}));
    check_refusal(run_program(training(list, folder.file("other"), {"--unselected", "skipped"})), 1, "unselected");
}

TEST_CASE("train refuses what cannot be trained", "[program_train]") {
    const afnet::TemporaryFolder folder;
    const std::string list = made_clips(folder.path() + "/clips", 8);
    check_refusal(run_program({"train", "--data", folder.path() + "/none.txt", "--out", folder.file("run")}), 1, "none.txt");
    check_refusal(run_program(training(list, folder.file("run1"), {}, "9")), 1, "batch");
    check_refusal(run_program(training(list, folder.file("run1"), {}, "9")), 1, "batch"); // not: there is a run
    check_refusal(run_program(training(list, folder.file("run2"), {"--classes", "2"})), 2, "--classes 2");
    check_refusal(run_program(training(list, folder.file("run3"), {"--freeze", "*"})), 1, "freezes every parameter");
    check_refusal(run_program(training(list, folder.file("run4"), {"--lr-type", "steep"})), 1, "lr_type");
    check_refusal(run_program(training(list, folder.file("run5"), {"--optimizer", "fc*=adagrad"})), 1, "adagrad");
    check_refusal(run_program(training(list, folder.file("run6"), {"--masks", "best"})), 1, "random-same");
    for (const char *masks : {"blob", "crop"})
        check_refusal(run_program(training(list, folder.file("run7"), {"--masks", masks})), 1, "these choose patches");
    check_refusal(run_program(training(list, folder.file("run7"), {"--masks", "random", "--masks-of", "patches"})), 1,
                  "has no masks in space");
    check_refusal(run_program(training(list, folder.file("run7"), {"--masks", "spatial", "uniform"})), 1,
                  "these choose frames");
    check_refusal(run_program(training(list, folder.file("run7"), {"--masks-of", "pixels"})), 1, "masks_of");
    CHECK_FALSE(fs::exists(folder.file("run7"))); // told before anything begins
}
