// afnet classify on files: what it finds, and what its options change.
#include <algorithm>
#include <numeric>

#include "tests/model/checkpoint_builder.h"
#include "tests/program/program_run.h"
#include "tests/program/sample_media.h"

using namespace afnet_test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using nlohmann::json;

namespace {

constexpr int kSampleFrames = 120;

/// The only line of a run that must succeed.
json result_of(const Arguments &more) {
    const ProgramRun run = classified([&] {
        Arguments all = {"--json", "--quiet"};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }());
    INFO(run.err);
    REQUIRE(run.status == 0);
    const std::vector<json> lines = run.json_lines();
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].at("status") == "ok");
    return lines[0];
}

json without_times(json line) {
    line.erase("ms");
    line.erase("load_ms");
    return line;
}

/// The middle of each of `count` equal parts of the sample.
std::vector<int> middles(int count) {
    std::vector<int> frames;
    for (int i = 0; i < count; i++) frames.push_back((2 * i + 1) * kSampleFrames / (2 * count));
    return frames;
}

void check_scores(const json &line, size_t count) {
    const json &scores = line.at("topk");
    REQUIRE(scores.size() == count);
    double before = 1, sum = 0;
    for (const json &score : scores) {
        const double probability = score.at("prob");
        CHECK(probability > 0);
        CHECK(probability <= before);
        CHECK(score.at("label") == std::to_string(score.at("index").get<int>()));
        before = probability;
        sum += probability;
    }
    CHECK(sum <= 1 + 1e-6);
}

void check_masks(const json &line, size_t frames) {
    REQUIRE(line.at("masks").size() == 5);  // focal blocks of AF-MobileNetV3
    REQUIRE(line.at("block_rt").size() == 5);
    double sum = 0;
    for (const auto &[block, mask] : line.at("masks").items()) {
        INFO(block);
        REQUIRE(mask.size() == frames);
        const std::vector<int> selected = mask;
        CHECK(std::all_of(selected.begin(), selected.end(), [](int s) { return s == 0 || s == 1; }));
        const double ratio = std::accumulate(selected.begin(), selected.end(), 0.0) / double(frames);
        CHECK(line.at("block_rt").at(block).get<double>() == Approx(ratio));
        sum += ratio;
    }
    CHECK(line.at("realised_rt").get<double>() == Approx(sum / 5));
}

}  // namespace

TEST_CASE("the sample video is classified by the frames of the evaluation rule", "[program_classify]") {
    if (no_samples()) return;
    const json line = result_of({sample_video()});
    CHECK(line.at("path") == sample_video());
    CHECK(line.at("error").is_null());
    CHECK(line.at("warnings").empty());
    CHECK(line.at("frames").get<std::vector<int>>() == middles(12));
    REQUIRE(line.at("frame_pts").size() == 12);
    for (size_t i = 0; i < 12; i++) CHECK(line.at("frame_pts")[i].get<double>() == Approx(middles(12)[i] / 30.0));
    check_scores(line, 5);
    check_masks(line, 12);
    CHECK(line.at("gmac").get<double>() > 0);
    for (const char *phase : {"decode", "preprocess", "network"})
        CHECK(line.at("ms").at(phase).get<double>() > 0);
    for (const char *phase : {"weights", "kernels", "packing", "memory", "zero_responses"}) {
        CHECK(line.at("load_ms").at(phase).get<double>() >= 0);
    }
}

TEST_CASE("a folder of frames is classified as the video that they are from", "[program_classify]") {
    if (no_samples()) return;
    const json folder = result_of({sample_frames()}), video = result_of({sample_video()});
    CHECK(folder.at("frames") == video.at("frames"));
    CHECK(folder.at("frame_pts").empty());
    CHECK(folder.at("topk")[0].at("index") == video.at("topk")[0].at("index"));
    CHECK(folder.at("topk")[0].at("prob").get<double>() ==
          Approx(video.at("topk")[0].at("prob").get<double>()).epsilon(0.01));
    check_masks(folder, 12);
}

TEST_CASE("people get text", "[program_classify]") {
    if (no_samples()) return;
    const ProgramRun run = classified({"--top", "2", sample_video()});
    CHECK(run.status == 0);
    CHECK_THAT(run.out, StartsWith(sample_video() + "\n"));
    CHECK_THAT(run.out, Contains("features_stage3_refine.2  ") && Contains("GMACs; decode "));
    CHECK(std::count(run.out.begin(), run.out.end(), '%') == 2);
}

TEST_CASE("a bad input does not keep the others from being done", "[program_classify]") {
    if (no_samples()) return;
    const ProgramRun run = classified({"--json", "--quiet", sample_video(), "/nowhere.mp4", sample_frames()});
    check_refusal(run, 1, "/nowhere.mp4: cannot open: No such file or directory");
    const std::vector<json> lines = run.json_lines();
    REQUIRE(lines.size() == 3);
    CHECK(lines[0].at("status") == "ok");
    CHECK(lines[1].at("status") == "error");
    CHECK(lines[1].at("path") == "/nowhere.mp4");
    CHECK("afnet: " + lines[1].at("error").get<std::string>() + "\n" == run.err);
    CHECK(lines[1].at("topk").empty());
    CHECK(lines[2].at("status") == "ok");
}

TEST_CASE("what was classified before changes nothing", "[program_classify]") {
    if (no_samples()) return;
    const ProgramRun run = classified({"--json", "-q", sample_frames(), sample_video()});
    const std::vector<json> lines = run.json_lines();
    REQUIRE(lines.size() == 2);
    CHECK(without_times(lines[1]) == without_times(result_of({sample_video()})));
}

TEST_CASE("the number of threads changes times only", "[program_classify]") {
    if (no_samples()) return;
    const json one = without_times(result_of({"--threads", "1", sample_video()}));
    CHECK(one == without_times(result_of({"--threads", "2", sample_video()})));
    CHECK(one == without_times(result_of({sample_video()})));
}

TEST_CASE("--frames and --top say how much", "[program_classify]") {
    if (no_samples()) return;
    for (const int frames : {1, 8}) {
        const json line = result_of({"--frames", std::to_string(frames), "--top", "3", sample_video()});
        CHECK(line.at("frames").get<std::vector<int>>() == middles(frames));
        check_masks(line, size_t(frames));
        check_scores(line, 3);
    }
    // More than there are: all of them.
    check_scores(result_of({"--top", "1000", sample_video()}), 174);
}

TEST_CASE("Gumbel noise is drawn from its seed, and only when asked for", "[program_classify]") {
    if (no_samples()) return;
    const json five = result_of({"--gumbel-seed", "5", sample_video()});
    check_masks(five, 12);
    CHECK(without_times(five) == without_times(result_of({"--gumbel-seed", "5", sample_video()})));
    CHECK(five.at("masks") != result_of({"--gumbel-seed", "6", sample_video()}).at("masks"));
    CHECK(five.at("masks") != result_of({sample_video()}).at("masks"));
    CHECK(result_of({"--gumbel-seed", "0", sample_video()}).at("masks") != result_of({sample_video()}).at("masks"));
}

TEST_CASE("weights that are drawn depend on their seed", "[program_classify]") {
    if (no_samples()) return;
    const json usual = without_times(result_of({sample_video()}));
    CHECK(usual == without_times(result_of({"--seed", "1", sample_video()})));
    CHECK(usual.at("topk") != result_of({"--seed", "2", sample_video()}).at("topk"));
}

TEST_CASE("unselected frames can be masked or skipped", "[program_classify]") {
    if (no_samples()) return;
    const json usual = without_times(result_of({sample_video()}));
    CHECK(usual == without_times(result_of({"--unselected", "masked", sample_video()})));
    const json skipped = result_of({"--unselected", "skipped", sample_video()});
    check_masks(skipped, 12);
    check_scores(skipped, 5);
    const std::string first = "features_stage2_refine.0";  // what it sees is the same
    CHECK(skipped.at("masks").at(first) == usual.at("masks").at(first));
    CHECK(skipped.at("topk") != usual.at("topk"));
}

TEST_CASE("a checkpoint is imported and names its classes", "[program_classify]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    afnet::ModelDescription network = small_network(afnet::Family::AfResNet);
    network.depths = {2, 2, 3, 2};
    write_bytes(folder.file("best.pth.tar"), torch_file(state_dict_of(network, 3, wrapped_key), true));
    write_text(folder.file("labels.txt"), "lifting\nlow\x1b[31mering\n\xc3\xa9tirer\n\"a, b\"\nnothing\n");
    const std::string weights = folder.file("w.safetensors");
    const ProgramRun import = run_program({"import", "--json", "--no-shift", folder.file("best.pth.tar"), weights,
                                           "--labels", folder.file("labels.txt"), "--name", "mine", "--size", "64"});
    INFO(import.err);
    REQUIRE(import.status == 0);
    CHECK(import.err.empty());
    CHECK(import.json_lines().at(0).at("model").at("name") == "mine");

    Circumstances kernels;
    kernels.environment = {"AFNET_KERNELS=" AFNET_TEST_KERNELS};
    const Arguments run = {"classify", "--model", weights, sample_video(), "--csv", folder.file("r.csv")};
    const ProgramRun text = run_program(run, kernels);
    CHECK(text.status == 0);
    CHECK(text.err.empty());  // these weights are no recipe
    CHECK_THAT(text.out, Contains(" %  low [31mering\n") && Contains(" %  \xc3\xa9tirer\n"));
    Arguments as_json = run;
    as_json.push_back("--json");
    const json line = run_program(as_json, kernels).json_lines().at(0);
    CHECK(line.at("frames").get<std::vector<int>>() == middles(4));
    CHECK(line.at("topk").size() == 5);
    for (const json &score : line.at("topk")) {
        if (score.at("index") == 3) CHECK(score.at("label") == "\"a, b\"");
    }
    as_json.insert(as_json.end(), {"--frames", "8"});
    check_refusal(run_program(as_json, kernels), 1, "its weights are for clips of 4 frames");
}

TEST_CASE("bf16 gives nearly the scores of f32, or the error names the targets that have it", "[program_classify]") {
    const ProgramRun run = classified({"--json", "--quiet", "--dtype", "bf16", sample_video()});
    if (run.status == 0) {
        const json bf16 = run.json_lines().at(0), f32 = result_of({"--dtype", "f32", sample_video()});
        check_scores(bf16, 5);
        check_masks(bf16, 12);
        CHECK(bf16.at("topk").at(0).at("prob") != f32.at("topk").at(0).at("prob"));
        CHECK(bf16.at("topk").at(0).at("prob").get<double>() ==
              Approx(f32.at("topk").at(0).at("prob").get<double>()).epsilon(0.1));
    } else {
        check_refusal(run, 1, "x86-64-avx512-bf16");
    }
    Circumstances baseline;
    baseline.environment = {"AFNET_TARGET=x86-64"};
    check_refusal(classified({"--dtype", "bf16", sample_video()}, baseline), 1, "x86-64-avx512-bf16");
}
