// What an evaluation makes of outcomes that are known: figures, names, files.
#include <catch2/catch.hpp>
#include <sstream>

#include "model/confusion_picture.h"
#include "model/evaluation_report.h"
#include "runtime/error.h"
#include "runtime/json.h"
#include "tests/model/xml_check.h"

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
    clip.result.macs = label == 0 ? 2e6 : 3e6;
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
    CaseChoices choices{{MaskPolicy::Learned, MaskPolicy::Random, MaskPolicy::Shuffled}, {.25, .5}, {}, {1, 2}};
    const auto cases = evaluation_cases(choices);
    REQUIRE(cases.size() == 1 + 4 + 2);
    CHECK(case_name(cases[0]) == "learned");
    CHECK(case_name(cases[1]) == "random.rt0.25.seed1");
    CHECK(case_name(cases[4]) == "random.rt0.5.seed2");
    CHECK(case_name(cases[6]) == "shuffled.seed2");
    CHECK_FALSE(evaluation_cases({{MaskPolicy::Random}, {}, {}, {1}}).at(0).rt);
    CHECK(evaluation_work(10, cases) == 10);
    CHECK(evaluation_work(10, evaluation_cases({{MaskPolicy::First}, {}, {}, {1}})) == 20);
    CHECK(case_name({MaskPolicy::First, 1.0, 1}) == "first.rt1.0.seed1");
}

TEST_CASE("cases of patches have a ratio of their own", "[evaluation]") {
    CaseChoices choices{{MaskPolicy::Learned, MaskPolicy::Random}, {}, {.25, .5}, {1}, MaskTarget::Patches};
    auto cases = evaluation_cases(choices);
    REQUIRE(cases.size() == 3);
    CHECK_FALSE(cases[1].rt);
    CHECK(case_name(cases[1]) == "random.rs0.25.seed1");
    CHECK_FALSE(waits_for_ratio(cases[1]));
    choices.target = MaskTarget::Both;
    cases = evaluation_cases(choices);
    CHECK(waits_for_ratio(cases[1])); // for that of frames
    choices.rt = {.75, 1};
    cases = evaluation_cases(choices);
    REQUIRE(cases.size() == 5);
    CHECK(case_name(cases[2]) == "random.rt0.75.rs0.5.seed1");
    CHECK_FALSE(waits_for_ratio(cases[4]));
    choices.rs.clear();
    choices.target = MaskTarget::Patches;
    CHECK(waits_for_ratio(evaluation_cases(choices).at(1)));
}

TEST_CASE("cases that a model or its data have no masks for", "[evaluation]") {
    LoadedModel model;
    model.description.name = "small";
    const auto check = [&](MaskPolicy policy, MaskTarget target, const ClipTruth &truth = {}, int grid = 0) {
        check_cases(model, truth, {{policy, .5, 1, target, .5}}, grid);
    };
    ClipTruth truth;
    CHECK_NOTHROW(check(MaskPolicy::Random, MaskTarget::Frames));
    CHECK_THROWS_WITH(check(MaskPolicy::Learned, MaskTarget::Patches), Contains("small has no masks in space"));
    CHECK_THROWS_WITH(check(MaskPolicy::Blob, MaskTarget::Frames), Contains("blob: chooses patches"));
    CHECK_THROWS_AS(check(MaskPolicy::Crop, MaskTarget::Frames), UsageError);
    CHECK_THROWS_WITH(check(MaskPolicy::Random, MaskTarget::Frames, {}, 4), Contains("--grid"));
    model.description.masks = MaskKind::Spatial;
    CHECK_NOTHROW(check(MaskPolicy::Blob, MaskTarget::Patches, {}, 4));
    CHECK_THROWS_WITH(check(MaskPolicy::Random, MaskTarget::Both), Contains("masks in space alone"));
    CHECK_THROWS_WITH(check(MaskPolicy::Uniform, MaskTarget::Patches),
                      Contains("uniform") && Contains("centre, blob, crop"));
    CHECK_THROWS_WITH(check(MaskPolicy::Oracle, MaskTarget::Patches), Contains("key_patches.json"));
    CHECK_THROWS_WITH(check(MaskPolicy::Shuffled, MaskTarget::Patches, {}, 4), Contains("7 across and down"));
    truth.patches.emplace();
    CHECK_THROWS_WITH(check(MaskPolicy::Oracle, MaskTarget::Patches, truth), Contains("whole frames"));
    model.description.crop = Crop::Whole;
    CHECK_NOTHROW(check(MaskPolicy::Oracle, MaskTarget::Patches, truth));
    model.description.masks = MaskKind::Both;
    CHECK_NOTHROW(check(MaskPolicy::Random, MaskTarget::Both));
    CHECK_THROWS_WITH(check(MaskPolicy::Oracle, MaskTarget::Both, truth), Contains("key_frames.json"));
    CHECK_THROWS_WITH(check(MaskPolicy::Blob, MaskTarget::Both), Contains("chooses patches"));
}

TEST_CASE("key patches by their place in a clip", "[evaluation]") {
    KeyPatches truth;
    truth.frames = 8;
    truth.hold = 2;
    truth.grid = 4;
    truth.clips["a.mp4"] = {{1, 3, 0}, {6, 2, 1}};
    const ClipKeyPatches all = clip_key_patches(truth, "a.mp4", 8);
    CHECK(all.grid == 4);
    REQUIRE(all.patches.size() == 2);
    CHECK((all.patches[1].frame == 6 && all.patches[1].column == 2 && all.patches[1].row == 1));
    // A clip of 4 shows drawn frames 1, 3, 5, 7.
    const ClipKeyPatches some = clip_key_patches(truth, "a.mp4", 4);
    REQUIRE(some.patches.size() == 1);
    CHECK((some.patches[0].frame == 0 && some.patches[0].column == 3 && some.patches[0].row == 0));
    CHECK_THROWS_WITH(clip_key_patches(truth, "b.mp4", 8), Contains("'b.mp4'"));
}

TEST_CASE("ratios and recall of patches count the frames that are selected", "[evaluation]") {
    // Two frames of 2 x 2 patches, two blocks; the first block drops frame 1.
    ClipOutcome clip;
    clip.result.grid = 2;
    clip.result.masks = {{1, 0}, {1, 1}};
    clip.result.patches = {{1, 0, 0, 0, 1, 1, 1, 1}, {1, 1, 0, 0, 0, 0, 0, 1}};
    RealisedRatios realised;
    realised.add(clip.result);
    realised.add(clip.result);
    const MaskRatios ratios = realised.means();
    CHECK(ratios.frames == Approx(.75));
    REQUIRE(ratios.block_patches.size() == 2);
    CHECK(*ratios.block_patches[0] == Approx(.25));
    CHECK(*ratios.block_patches[1] == Approx(3 / 8.));
    CHECK(*ratios.patches == Approx(.3125));
    CHECK_FALSE(patch_figures({clip}).recall);

    // On a grid of 4 the first key patch lies in patch (0, 0), the second in (1, 1).
    clip.key_patches = ClipKeyPatches{4, {{0, 1, 0}, {1, 2, 3}}};
    const PatchFigures figures = patch_figures({clip, clip});
    REQUIRE(figures.per_block.size() == 2);
    CHECK(*figures.per_block[0] == Approx(.5));
    CHECK(*figures.per_block[1] == Approx(1));
    CHECK(*figures.recall == Approx(.75));
    // A coarse key patch is covered in part.
    clip.key_patches = ClipKeyPatches{1, {{0, 0, 0}}};
    CHECK(*patch_figures({clip}).per_block[1] == Approx(.5));

    // Without any selected frame there is no ratio.
    clip.result.masks[0] = {0, 0};
    RealisedRatios partly;
    partly.add(clip.result);
    CHECK_FALSE(partly.means().block_patches[0]);
    CHECK(*partly.means().patches == Approx(3 / 8.));
    CHECK(RealisedRatios().means().frames == 1);
    CHECK_FALSE(RealisedRatios().means().patches);
}

TEST_CASE("the figures of a case", "[evaluation]") {
    const Made made(true);
    const EvaluationSummary &s = made.report.summaries[0];
    CHECK(s.clips == 2);
    CHECK(*s.top1 == Approx(.5));
    CHECK(*s.top5 == Approx(1));
    CHECK(*s.mean_class == Approx(.5));
    CHECK(*s.map == Approx(1));
    REQUIRE(s.ratios.block_frames.size() == 2);
    CHECK(s.ratios.block_frames[0] == Approx(1.0 / 8));
    CHECK(s.ratios.block_frames[1] == Approx(3.0 / 8));
    CHECK(s.ratios.frames == Approx(.25));
    CHECK_FALSE(s.ratios.patches);
    // The clip of class 0 is taken for its partner 1 when it runs backwards, that of class 1 for itself.
    CHECK(*s.reversed_partner == Approx(.5));
    CHECK(*s.reversed_own == Approx(.5));
    CHECK_FALSE(Made(false).report.summaries[0].reversed_own);
    CHECK_FALSE(Made(false).report.summaries[0].reversed_partner);
    CHECK(s.macs == Approx(2.5e6)); // as the clips say
    CHECK(s.official_macs > 0);
    // Fewer frames, fewer MACs of the published counter; by the blocks' own costs.
    CaseOutcome all = made.evaluation.cases[0];
    for (ClipOutcome &clip : all.clips)
        clip.result.masks = {{1, 1, 1, 1}, {1, 1, 1, 1}};
    CHECK(summarise(all, made.report.description, made.evaluation.shape, false).official_macs > s.official_macs);
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

    CHECK(learned.at("masks_of") == "frames");
    CHECK(learned.at("realised_rs").is_null());
    CHECK(learned.at("patch_recall_per_block").empty());
    CHECK(second.at("patches").empty());
    CHECK(second.at("key_patches").is_null());
    CHECK(block_ratio_plot(made.report, MaskTarget::Patches) == "");

    const std::string plot = block_ratio_plot(made.report, MaskTarget::Frames);
    CHECK(xml_fault(plot) == "");
    CHECK_THAT(plot, Contains("polyline") && Contains("<style>") && Contains("layer1.refine_module.0: 0.125"));
    CHECK(plot.find("random") == std::string::npos);
}

TEST_CASE("reports of masks in space", "[evaluation]") {
    Made made;
    made.report.description.masks = MaskKind::Spatial;
    made.evaluation.cases.resize(1);
    made.report.summaries.clear();
    CaseOutcome &learned = made.evaluation.cases[0];
    learned.what.target = MaskTarget::Patches;
    for (ClipOutcome &clip : learned.clips) {
        clip.keys.reset();
        clip.result.keep.clear();
        clip.result.masks = {{1, 1, 1, 1}, {1, 1, 1, 1}};
        clip.result.grid = 1;
        clip.result.patches = {{1, 0, 0, 0}, {1, 1, 1, 0}};
        clip.key_patches = ClipKeyPatches{1, {{0, 0, 0}, {3, 0, 0}}};
    }
    made.report.summaries.push_back(summarise(learned, made.report.description, made.evaluation.shape, false));
    const std::string text = evaluation_text(made.report);
    CHECK_THAT(text, Contains("RS wanted") && Contains("key patch") && Contains("learned RS"));
    CHECK(text.find("RT") == std::string::npos);
    const auto json = nlohmann::json::parse(evaluation_json(made.report));
    CHECK(json.at("masks_of") == "patches");
    CHECK(json.at("realised_rs") == .5);
    CHECK(json.at("realised_rs_per_block") == std::vector<double>{.25, .75});
    CHECK(json.at("patch_recall") == .5);
    CHECK(json.at("patch_recall_per_block") == std::vector<double>{.5, .5});
    CHECK(json.at("realised_rt") == 1.0);
    const auto line = nlohmann::json::parse(lines_of(predictions_jsonl(made.report)).at(0));
    CHECK(line.at("patches").at(1) == std::vector<std::vector<int>>{{1}, {1}, {1}, {0}});
    CHECK(line.at("key_patches").at(1) == std::vector<int>{3, 0, 0});
    const std::string plot = block_ratio_plot(made.report, MaskTarget::Patches);
    CHECK(xml_fault(plot) == "");
    CHECK_THAT(plot, Contains("Realised RS") && Contains("layer2.refine_module.0: 0.750"));
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
