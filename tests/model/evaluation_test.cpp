// What an evaluation makes of outcomes that are known: figures, names, files.
#include <catch2/catch.hpp>
#include <sstream>

#include "model/confusion_picture.h"
#include "model/evaluation_report.h"
#include "runtime/error.h"
#include "tests/model/xml_check.h"

#include <nlohmann/json.hpp>

using namespace afnet;
using Catch::Matchers::Contains;

namespace {

// Two blocks, four frames.
ClipOutcome outcome(int label, std::vector<float> scores, std::vector<int> keys,
                    std::vector<std::vector<double>> keep) {
    ClipOutcome clip;
    clip.label = label;
    clip.keys = std::move(keys);
    clip.result.probabilities = std::move(scores);
    for (const auto &of_block : keep) {
        auto &mask = clip.result.masks.emplace_back();
        for (const double each : of_block)
            mask.push_back(each > .5);
    }
    clip.result.keep = std::move(keep);
    return clip;
}

std::vector<ClipOutcome> two_clips() {
    return {outcome(0, {.9f, .1f}, {0}, {{.9, .2, .1, .1}, {.6, .8, .1, .1}}),
            outcome(1, {.6f, .4f}, {3}, {{.1, .1, .2, .1}, {.2, .1, .3, .9}})};
}

struct Made {
    Evaluation evaluation;
    EvaluationReport report;
    explicit Made(bool reversed = false) {
        CaseOutcome learned;
        learned.clips = two_clips();
        learned.clips[1].sample = 1;
        if (reversed) {
            learned.clips[0].reversed = 1;
            learned.clips[1].reversed = 1;
        }
        learned.ms_per_clip = 2;
        CaseOutcome random = learned;
        random.what = {MaskPolicy::RandomSame, .25, 7};
        evaluation.cases = {learned, random};
        evaluation.blocks = {"layer1.refine_module.0", "layer2.refine_module.0"};
        evaluation.shape.frames = 4;
        evaluation.shape.width = evaluation.shape.height = 32;
        report.model = "weights.safetensors";
        report.data = "list.txt";
        report.description.name = "small";
        report.description.family = Family::AfResNet;
        report.description.depths = {2, 2, 1, 1};
        report.description.width = 8;
        report.description.frames = 4;
        report.description.classes = 2;
        report.classes = {"left,\"quoted\"", "right"};
        report.clips = {{"/a/one.mp4", 0, 0, "one.mp4"}, {"/a/two.mp4", 1, 0, "two.mp4"}};
        report.evaluation = &evaluation;
        for (const CaseOutcome &each : evaluation.cases)
            report.summaries.push_back(summarise(each, report.description, evaluation.shape, reversed));
    }
    Made(const Made &) = delete;
};

std::vector<std::string> lines_of(const std::string &text) {
    std::istringstream stream(text);
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);)
        lines.push_back(line);
    return lines;
}

} // namespace

TEST_CASE("how the choice agrees with key frames", "[evaluation]") {
    const SelectionFigures f = selection_figures(two_clips());
    // Means over blocks: .75 (key) .5 .1 .1, and .15 .1 .25 .5 (key). Of 12 pairs the one of .5 with .5 is a tie.
    CHECK(*f.auc == Approx(11.5 / 12));
    REQUIRE(f.auc_per_block.size() == 2);
    // Block 0: .9 above all six; the key .1 ties with five of .1 ... .2 .1 .1 .1 .1 .2: four ties, two above.
    CHECK(*f.auc_per_block[0] == Approx((6 + 4 * .5) / 12));
    // Block 1: .6 above all but .8; .9 above all.
    CHECK(*f.auc_per_block[1] == Approx(11.0 / 12));
    REQUIRE(f.auc_per_position.size() == 4);
    CHECK(*f.auc_per_position[0] == Approx(1)); // .75 against .15
    CHECK_FALSE(f.auc_per_position[1]);
    CHECK(*f.auc_per_position[3] == Approx(1)); // .5 against .1
    CHECK(*f.auc_position_median == Approx(1));
    // Selected: clip 0 frame 0 in both blocks, frame 1 in one; clip 1 frame 3 in one.
    CHECK(*f.keep_key == Approx(3.0 / 4));
    CHECK(*f.keep_other == Approx(1.0 / 12));
}

TEST_CASE("without true key frames there are no figures of them", "[evaluation]") {
    std::vector<ClipOutcome> clips = two_clips();
    for (ClipOutcome &clip : clips)
        clip.keys.reset();
    const SelectionFigures f = selection_figures(clips);
    CHECK_FALSE(f.auc);
    CHECK(f.auc_per_block.empty());
    CHECK_FALSE(f.auc_position_median);
    CHECK_FALSE(f.keep_key);
    clips[0].keys.emplace(); // known, and none
    CHECK_FALSE(selection_figures(clips).auc);
    CHECK(*selection_figures(clips).keep_other == Approx(3.0 / 8));
}

TEST_CASE("key frames by their place in a clip", "[evaluation]") {
    KeyFrames truth;
    truth.frames = 8;
    truth.hold = 2;
    truth.clips["a.mp4"] = {1, 6};
    CHECK(clip_keys(truth, "a.mp4", 8) == std::vector<int>{1, 6});
    // Of 16 frames a clip of 4 shows 2, 6, 10, 14: drawn frames 1, 3, 5, 7.
    CHECK(clip_keys(truth, "a.mp4", 4) == std::vector<int>{0});
    // A clip of 16 shows frame 0 only, by the rule.
    CHECK(clip_keys(truth, "a.mp4", 16).empty());
    CHECK_THROWS_WITH(clip_keys(truth, "b.mp4", 8), Contains("'b.mp4'"));
}

TEST_CASE("cases are policies with what they take", "[evaluation]") {
    const auto cases =
        evaluation_cases({MaskPolicy::Learned, MaskPolicy::Random, MaskPolicy::Shuffled}, {.25, .5}, {1, 2});
    REQUIRE(cases.size() == 1 + 4 + 2);
    CHECK(case_name(cases[0]) == "learned");
    CHECK(case_name(cases[1]) == "random.rt0.25.seed1");
    CHECK(case_name(cases[4]) == "random.rt0.5.seed2");
    CHECK(case_name(cases[6]) == "shuffled.seed2");
    CHECK_FALSE(evaluation_cases({MaskPolicy::Random}, {}, {1}).at(0).rt);
    CHECK(evaluation_work(10, cases) == 10);
    CHECK(evaluation_work(10, evaluation_cases({MaskPolicy::First}, {}, {1})) == 20);
    CHECK(case_name({MaskPolicy::First, 1.0, 1}) == "first.rt1.0.seed1");
}

TEST_CASE("the figures of a case", "[evaluation]") {
    const Made made(true);
    const EvaluationSummary &s = made.report.summaries[0];
    CHECK(s.clips == 2);
    CHECK(*s.top1 == Approx(.5));
    CHECK(*s.top5 == Approx(1));
    CHECK(*s.mean_class == Approx(.5));
    CHECK(*s.map == Approx(1));
    REQUIRE(s.block_rt.size() == 2);
    CHECK(s.block_rt[0] == Approx(1.0 / 8));
    CHECK(s.block_rt[1] == Approx(3.0 / 8));
    CHECK(s.realised_rt == Approx(.25));
    // The clip of class 0 is taken for its partner 1 when it runs backwards, that of class 1 for itself.
    CHECK(*s.reversed_partner == Approx(.5));
    CHECK(*s.reversed_own == Approx(.5));
    CHECK_FALSE(Made(false).report.summaries[0].reversed_own);
    CHECK_FALSE(Made(false).report.summaries[0].reversed_partner);
    CHECK(s.macs > 0);
    // Fewer frames, fewer MACs; by the blocks' own costs.
    CaseOutcome all = made.evaluation.cases[0];
    for (ClipOutcome &clip : all.clips)
        clip.result.masks = {{1, 1, 1, 1}, {1, 1, 1, 1}};
    CHECK(summarise(all, made.report.description, made.evaluation.shape, false).macs > s.macs);
}

TEST_CASE("reports of an evaluation", "[evaluation]") {
    const Made made(true);
    const std::string text = evaluation_text(made.report);
    CHECK_THAT(text, Contains("2 clips, 2 classes, 4 frames of 32 x 32"));
    CHECK_THAT(text, Contains("random-same") && Contains("layer2.refine_module.0") && Contains("partner %"));
    const auto json = lines_of(evaluation_json(made.report));
    REQUIRE(json.size() == 2);
    const auto learned = nlohmann::json::parse(json[0]), random = nlohmann::json::parse(json[1]);
    CHECK(learned.at("top1") == 50.0);
    CHECK(learned.at("seed").is_null());
    CHECK(learned.at("rt").is_null());
    CHECK(random.at("masks") == "random-same");
    CHECK(random.at("rt") == .25);
    CHECK(random.at("seed") == 7);
    CHECK(learned.at("block_rt").at("layer2.refine_module.0") == .375);
    CHECK(learned.at("auc_per_position").at(1).is_null());

    CHECK(lines_of(confusion_csv(made.report, 0)) ==
          std::vector<std::string>{"class,\"left,\"\"quoted\"\"\",right", "\"left,\"\"quoted\"\"\",1,0", "right,1,0"});
    CHECK(lines_of(classes_csv(made.report, 0)).at(1) == "0,\"left,\"\"quoted\"\"\",1,2,1,1.000000,0.500000,1.000000");
    const auto predictions = lines_of(predictions_jsonl(made.report));
    REQUIRE(predictions.size() == 4);
    const auto second = nlohmann::json::parse(predictions[1]);
    CHECK(second.at("path") == "two.mp4");
    CHECK(second.at("predicted") == 0);
    CHECK(second.at("label_rank") == 2);
    CHECK(second.at("key_frames") == std::vector<int>{3});

    const std::string plot = block_ratio_plot(made.report);
    CHECK(xml_fault(plot) == "");
    CHECK_THAT(plot, Contains("polyline") && Contains("<style>") && Contains("layer1.refine_module.0: 0.125"));
    CHECK(plot.find("random") == std::string::npos);
}

TEST_CASE("a picture of a confusion matrix", "[evaluation]") {
    const RgbFrame picture = confusion_picture({3, 1, 0, 0}, {"left", "right"}, "title");
    CHECK(picture.width >= 2 * 48);
    CHECK(picture.data.size() == size_t(3) * size_t(picture.width) * size_t(picture.height));
    // Many classes still make a picture, of bounded size.
    const size_t many = 400;
    std::vector<size_t> matrix(many * many);
    for (size_t k = 0; k < many; ++k)
        matrix[k * many + k] = 1;
    const RgbFrame large = confusion_picture(matrix, std::vector<std::string>(many, "name"), "title");
    CHECK(large.width < 1200);
}
