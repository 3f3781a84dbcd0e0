// afnet train learns: from files to a network that is right about clips that it has not seen, and for the right reason.
#include <filesystem>
#include <fstream>

#include "tests/program/program_run.h"
#include "tests/program/train_fixture.h"
#include "tests/temporary_folder.h"

using namespace afnet_test;

namespace {

void train(const Arguments &arguments) {
    Arguments all = {"train", "--quiet", "--crop", "whole", "--seed", "1"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    Circumstances patient;
    patient.seconds = 600; // a quarter of a minute where nothing else runs
    const ProgramRun run = run_program(all, patient);
    INFO(run.err);
    REQUIRE(run.status == 0);
}

// A column of the log, by epoch.
std::vector<double> logged(const std::string &run, const char *column) {
    std::ifstream file(run + "/log.jsonl");
    std::vector<double> values;
    for (std::string line; std::getline(file, line);) {
        values.push_back(nlohmann::json::parse(line).at(column).get<double>());
    }
    return values;
}

std::vector<nlohmann::json> evaluated(const std::string &run, const std::string &list, const Arguments &more) {
    Arguments all = {"eval", run, "--data", list, "--json", "--quiet"};
    all.insert(all.end(), more.begin(), more.end());
    const ProgramRun result = run_program(all);
    INFO(result.err);
    REQUIRE(result.status == 0);
    return result.json_lines();
}

} // namespace

TEST_CASE("training learns stripes, and in which frames they tell", "[program_learning]") {
    const afnet::TemporaryFolder folder;
    const std::string seen = made_clips(folder.file("seen"), 640, "key-stripe", 1);
    const std::string unseen = made_clips(folder.file("unseen"), 96, "key-stripe", 1001), run = folder.file("run");
    train({"--model", "af_tiny", "--size", "48", "--config", AFNET_SOURCE_DIR "/model/recipes/key_stripe.json",
           "--steps", "120", "--data", seen, "--out", run});
    const std::vector<double> loss = logged(run, "loss");
    REQUIRE(loss.size() == 6); // three epochs of either stage
    CHECK(loss[2] < 0.7 * loss[0]);
    const auto cases = evaluated(run, unseen, {"--masks", "learned", "random", "none", "--rt", "0.25"});
    REQUIRE(cases.size() == 3);
    const double learned = cases[0].at("top1"), random = cases[1].at("top1"), none = cases[2].at("top1");
    INFO("learned " << learned << " %, random " << random << " %, none " << none << " %, AUC " << cases[0].at("auc")
                    << ", RT " << cases[0].at("realised_rt"));
    CHECK(learned > 75); // chance: 25
    CHECK(random < learned - 20);
    CHECK(none < learned - 20);
}

TEST_CASE("training learns the order of frames", "[program_learning]") {
    const afnet::TemporaryFolder folder;
    const std::string seen = made_clips(folder.file("seen"), 1280, "motion-pairs", 1);
    const std::string unseen = made_clips(folder.file("unseen"), 96, "motion-pairs", 1001), run = folder.file("run");
    train({"--model", "af_tiny_tsm", "--size", "64", "--config", AFNET_SOURCE_DIR "/model/recipes/motion_pairs.json",
           "--steps", "240", "--data", seen, "--out", run});
    const std::vector<double> loss = logged(run, "loss");
    REQUIRE(loss.size() == 3);
    CHECK(loss.back() < 0.7 * loss.front());
    const auto cases = evaluated(run, unseen, {"--reversed", "--pairs"});
    REQUIRE(cases.size() == 1);
    const double right = cases[0].at("top1"), partner = cases[0].at("reversed_partner"),
                 own = cases[0].at("reversed_own");
    INFO("right " << right << " %, reversed: partner " << partner << " %, own " << own << " %");
    CHECK(right > 70); // chance 12.5; without order at most 50
    CHECK(partner > 70);
    CHECK(own < 20);
}
