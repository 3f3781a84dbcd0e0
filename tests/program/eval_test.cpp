// afnet eval: figures of policies on a tiny data set with made-up weights, against classify and against each other.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "model/lowering.h"
#include "model/weights_file.h"
#include "runtime/file_io.h"
#include "tests/model/xml_check.h"
#include "tests/program/program_run.h"
#include "tests/program/sample_media.h"

using namespace afnet_test;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

constexpr int kClips = 10;

void write_weights(const std::string &path) {
    const std::string file = AFNET_FIXTURES "/models/small_af_resnet.json";
    const auto description = afnet::parse_description(afnet::read_file(file), file);
    afnet::RunShape shape;
    shape.frames = description.frames;
    shape.width = shape.height = description.size;
    std::map<std::string, std::vector<float>> parameters;
    const afnet::Weights weights = afnet::recipe_weights(3);
    for (const afnet::ParameterInfo &info : afnet::lower(description, shape).parameters)
        parameters[info.key] = weights(info);
    afnet::save_model(path, description, parameters, {});
}

// A data set and weights, made once for all tests of a process.
struct Workplace {
    afnet::TemporaryFolder folder;
    std::string stripes = folder.file("stripes"), list = stripes + "/list.txt", run = folder.file("run"),
                weights = run + "/best.safetensors";
    Workplace() {
        const ProgramRun made = run_program({"synth", "--dataset", "key-stripe", "--out", stripes, "--clips",
                                             std::to_string(kClips), "--frames", "4", "--keys", "1", "--quiet"});
        if (made.status != 0) throw std::runtime_error(made.err);
        fs::create_directory(run);
        write_weights(weights);
    }
};

const Workplace &workplace() {
    static const Workplace place;
    return place;
}

std::vector<nlohmann::json> figures(const Arguments &more) {
    Arguments all = {"--json"};
    all.insert(all.end(), more.begin(), more.end());
    const ProgramRun run = evaluated_small(workplace().run, workplace().list, all);
    INFO(run.err);
    REQUIRE(run.status == 0);
    CHECK(run.err.empty());
    return run.json_lines();
}

std::vector<nlohmann::json> json_lines_of(const std::string &path) {
    std::istringstream stream(afnet::read_file(path));
    std::vector<nlohmann::json> lines;
    for (std::string line; std::getline(stream, line);)
        lines.push_back(nlohmann::json::parse(line));
    return lines;
}

void write_list(const std::string &path, const std::string &text) {
    afnet::write_file(path, text);
}

} // namespace

TEST_CASE("eval compares ways to choose frames", "[program_eval]") {
    if (no_samples()) return;
    const auto lines =
        figures({"--masks", "learned", "gumbel", "random", "random-same", "uniform", "normal", "first", "all", "none",
                 "oracle", "shuffled", "shuffled-same", "--rt", "0.25", "0.5", "--mask-seed", "4", "--reversed"});
    REQUIRE(lines.size() == 2 + 5 * 2 + 5);
    std::map<std::string, nlohmann::json> by_name;
    for (const auto &line : lines) {
        const std::string masks = line.at("masks");
        INFO(masks);
        by_name[masks + (line.at("rt").is_null() ? "" : line.at("rt") == .25 ? " .25" : " .5")] = line;
        CHECK(line.at("clips") == kClips);
        CHECK(line.at("unreadable") == 0);
        CHECK(line.at("top5") == 100.0); // of 5 classes
        CHECK(line.at("top1") >= 0);
        CHECK(line.at("map").is_number());
        CHECK(line.at("block_rt").size() == 4);
        CHECK(line.at("auc_per_block").size() == 4);
        CHECK(line.at("auc_per_position").size() == 4);
        CHECK(line.at("reversed_own").is_number());
        CHECK(line.at("reversed_partner").is_null());
        CHECK(line.at("ms_per_clip") > 0);
        if (!line.at("rt").is_null()) CHECK(line.at("realised_rt") == Approx(line.at("rt").get<double>()));
    }
    CHECK(by_name.size() == lines.size());
    CHECK(by_name["all"].at("realised_rt") == 1.0);
    CHECK(by_name["none"].at("realised_rt") == 0.0);
    CHECK(by_name["all"].at("macs") > by_name["random .5"].at("macs"));
    CHECK(by_name["random .5"].at("macs") > by_name["random .25"].at("macs"));
    CHECK(by_name["random .25"].at("macs") > by_name["none"].at("macs"));
    CHECK(by_name["oracle"].at("keep_key") == 1.0);
    CHECK(by_name["oracle"].at("keep_other") == 0.0);
    CHECK(by_name["oracle"].at("realised_rt") == .25);
    CHECK(by_name["shuffled"].at("block_rt") == by_name["learned"].at("block_rt"));
    CHECK(by_name["shuffled-same"].at("block_rt") == by_name["learned"].at("block_rt"));
    CHECK(by_name["gumbel"].at("seed") == 4);
    CHECK(by_name["learned"].at("seed").is_null());
}

TEST_CASE("eval says what classify says, whatever the batch", "[program_eval]") {
    if (no_samples()) return;
    const Workplace &place = workplace();
    const afnet::TemporaryFolder folder;
    std::vector<std::vector<nlohmann::json>> predictions;
    double macs = 0;
    for (const char *batch : {"1", "4"}) { // 4 leaves a last batch of 2
        const std::string out = folder.file(batch);
        figures({"--masks", "learned", "gumbel", "random", "--rt", "0.5", "--batch", batch, "--out", out});
        predictions.push_back(json_lines_of(out + "/predictions.jsonl"));
        REQUIRE(predictions.back().size() == 3 * kClips);
        macs = json_lines_of(out + "/summary.jsonl").at(0).at("macs");
    }
    std::set<std::string> noisy, learned;
    for (size_t i = 0; i < predictions[0].size(); ++i) {
        const auto &one = predictions[0][i], &four = predictions[1][i];
        CHECK(one.at("path") == four.at("path"));
        CHECK(one.at("selected") == four.at("selected"));
        CHECK(one.at("predicted") == four.at("predicted"));
        CHECK(one.at("prob").get<double>() == Approx(four.at("prob").get<double>()).epsilon(1e-4));
        (i < kClips ? learned : noisy).insert(one.at("selected").dump());
    }
    CHECK(noisy.size() > kClips);
    Arguments classify = {"classify", "--model", place.weights, "--json", "--quiet"};
    for (size_t i = 0; i < kClips; ++i)
        classify.push_back(place.stripes + "/" + predictions[0][i].at("path").get<std::string>());
    const auto classified_clips = run_program(classify, with_test_kernels()).json_lines();
    REQUIRE(classified_clips.size() == kClips);
    double gmacs = 0;
    for (size_t i = 0; i < kClips; ++i) {
        gmacs += classified_clips[i].at("gmac").get<double>();
        const auto &best = classified_clips[i].at("topk").at(0);
        CHECK(best.at("index") == predictions[0][i].at("predicted"));
        CHECK(best.at("prob").get<double>() == Approx(predictions[0][i].at("prob").get<double>()).epsilon(1e-4));
        size_t block = 0;
        for (const auto &name : {"layer1.refine_module.0", "layer2.refine_module.0"})
            CHECK(classified_clips[i].at("masks").at(name) == predictions[0][i].at("selected").at(block++));
    }
    CHECK(macs == Approx(gmacs * 1e9 / kClips));
}

TEST_CASE("policies without a ratio of their own take what the navigation realises", "[program_eval]") {
    if (no_samples()) return;
    const auto lines = figures({"--masks", "random", "random-same", "learned", "--mask-seed", "1", "2"});
    REQUIRE(lines.size() == 5);
    const double learned = lines[4].at("realised_rt");
    for (size_t i = 0; i < 4; ++i) {
        CHECK(lines[i].at("rt").get<double>() == Approx(learned));
        CHECK(lines[i].at("realised_rt").get<double>() == Approx(learned).margin(.15));
    }
    // Without the case itself, the ratio is found all the same.
    CHECK(figures({"--masks", "random"}).at(0).at("rt").get<double>() == Approx(learned));
}

TEST_CASE("eval writes tables, pictures and predictions", "[program_eval]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    const std::string out = folder.file("a/b");
    const ProgramRun run =
        evaluated_small(workplace().weights, workplace().list, {"--masks", "learned", "all", "--out", out, "--reversed"});
    INFO(run.err);
    REQUIRE(run.status == 0);
    CHECK_THAT(run.out, Contains("10 clips, 5 classes, 4 frames of 64 x 64") && Contains("learned") && Contains("AUC"));
    CHECK(names_in(out) == std::vector<std::string>{"classes.all.csv", "classes.learned.csv", "confusion.all.csv",
                                                    "confusion.all.png", "confusion.learned.csv",
                                                    "confusion.learned.png", "predictions.jsonl", "realised_rt.svg",
                                                    "summary.jsonl"});
    CHECK(afnet::xml_fault(afnet::read_file(out + "/realised_rt.svg")) == "");
    CHECK(json_lines_of(out + "/summary.jsonl").size() == 2);
    int clips = 0;
    std::istringstream matrix(afnet::read_file(out + "/confusion.all.csv"));
    std::string line;
    for (std::getline(matrix, line); std::getline(matrix, line);) {
        std::istringstream row(line);
        std::string field;
        for (std::getline(row, field, ','); std::getline(row, field, ',');)
            clips += std::stoi(field);
    }
    CHECK(clips == kClips);
}

TEST_CASE("clips that cannot be read are named, and the others classified", "[program_eval]") {
    if (no_samples()) return;
    const Workplace &place = workplace();
    const afnet::TemporaryFolder folder;
    const std::string list = folder.file("list.txt");
    afnet::write_file(folder.file("broken.mp4"), std::string(5000, 'x'));
    write_list(list, place.stripes + "/videos/000000.mp4 0\nbroken.mp4 1\nnowhere.mp4 2\n" + place.stripes +
                         "/videos/000001.mp4 1\n");
    const ProgramRun run = evaluated_small(place.run, list, {"--json"});
    CHECK(run.status == 1);
    CHECK_THAT(run.err, Contains("broken.mp4") && Contains("nowhere.mp4"));
    REQUIRE(run.json_lines().size() == 1);
    CHECK(run.json_lines()[0].at("clips") == 2);
    CHECK(run.json_lines()[0].at("unreadable") == 2);
    CHECK(run.json_lines()[0].at("auc").is_null());
    CHECK(evaluated_small(place.run, list, {"--skip-unreadable"}).status == 0);

    write_list(list, "nowhere.mp4 2\n");
    check_refusal(evaluated_small(place.run, list), 1, "nowhere.mp4");
}

TEST_CASE("lists and models that do not fit are refused", "[program_eval]") {
    if (no_samples()) return;
    const Workplace &place = workplace();
    const afnet::TemporaryFolder folder;
    const std::string list = folder.file("list.txt"), video = place.stripes + "/videos/000000.mp4";
    const auto refused = [&](const std::string &text, const std::string &part) {
        INFO(text);
        write_list(list, text);
        const ProgramRun run = evaluated_small(place.run, list, {"--out", folder.file("out")});
        check_refusal(run, 1, part);
        CHECK(run.out.empty());
        CHECK_FALSE(fs::exists(folder.file("out")));
    };
    refused("", "lists no clips");
    refused(video + " 5\n", "has label 5; small_af_resnet tells classes 0 to 4");
    refused(video + " -1\n", "label");
    refused(video + "\n", "expected");
    refused(std::string("a\0b.mp4 1\n", 10), "zero byte");
    check_refusal(evaluated_small(place.run, folder.file("nothing.txt")), 1, "nothing.txt");
    check_refusal(evaluated_small(folder.path(), place.list), 1, "a folder without best.safetensors");
    check_refusal(evaluated_small("nosuch_model", place.list), 2, "nosuch_model");
    check_refusal(evaluated_small(place.run, place.list, {"--frames", "8"}), 1, "4");
    check_refusal(evaluated_small(place.run, place.list, {"--out", place.weights}), 1, "not a folder");

    // Key frames that are not those of the list.
    write_list(list, video + " 1\n");
    afnet::write_file(folder.file("key_frames.json"),
                      "{\"format\": \"afnet-key-frames/1\", \"frames\": 4, \"hold\": 2, \"clips\": {}}");
    check_refusal(evaluated_small(place.run, list), 1, "no key frames of");
    afnet::write_file(folder.file("key_frames.json"), "{\"format\": \"afnet-key-frames/1\", \"frames\": 4");
    check_refusal(evaluated_small(place.run, list), 1, "key_frames.json");
}

TEST_CASE("command lines of eval that make no sense end with 2", "[program_eval]") {
    if (no_samples()) return;
    const Workplace &place = workplace();
    const auto refused = [&](const Arguments &more) {
        INFO(more[0]);
        CHECK(evaluated_small(place.run, place.list, more).status == 2);
    };
    refused({"--masks", "best"});
    refused({"--masks", "random", "--rt", "1.5"});
    refused({"--masks", "random", "--rt", "x"});
    refused({"--rt", "0.5"}); // learned takes none
    refused({"--mask-seed", "-1"});
    refused({"--mask-seed", "99999999999999999999"});
    refused({"--batch", "0"});
    refused({"--pairs"});
    check_refusal(evaluated_small(place.run, place.list, {"--pairs", "--reversed"}), 2, "5 classes, an odd number");
    CHECK(run_program({"eval", place.run}).status == 2);
    CHECK(run_program({"eval", "--data", place.list}).status == 2);

    const afnet::TemporaryFolder folder;
    const std::string list = folder.file("list.txt");
    write_list(list, place.stripes + "/videos/000000.mp4 0\n");
    check_refusal(evaluated_small(place.run, list, {"--masks", "oracle"}), 2, "true key frames");
}
