// afnet eval and classify of networks with masks in space, on a tiny data set with made-up weights: policies of
// patches, with each other, against classify, and what is asked for in vain.
#include <filesystem>
#include <map>
#include <sstream>

#include "model/lowering.h"
#include "model/weights_file.h"
#include "runtime/file_io.h"
#include "tests/model/xml_check.h"
#include "tests/program/program_run.h"
#include "tests/program/sample_media.h"

using namespace afnet_test;
using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

constexpr int kClips = 6, kFrames = 4, kGrid = 4, kBlocks = 4, kKeys = 2;

void write_weights(const std::string &path, afnet::MaskKind masks, afnet::Crop crop = afnet::Crop::Whole,
                   afnet::TemporalMasks temporal_masks = afnet::TemporalMasks::PerBlock) {
    const std::string file = AFNET_FIXTURES "/models/small_af_resnet.json";
    auto description = afnet::parse_description(afnet::read_file(file), file);
    description.masks = masks;
    if (masks != afnet::MaskKind::Temporal) description.grid = kGrid;
    description.crop = crop;
    description.temporal_masks = temporal_masks;
    std::map<std::string, std::vector<float>> parameters;
    const afnet::Weights weights = afnet::recipe_weights(3);
    for (const afnet::ParameterInfo &info : afnet::needed_parameters(description))
        parameters[info.key] = weights(info);
    afnet::save_model(path, description, parameters, {});
}

// A data set and weights, made once for all tests of a process.
struct Workplace {
    afnet::TemporaryFolder folder;
    std::string patches = folder.file("patches"), list = patches + "/list.txt",
                bare = patches + "/../bare.txt", // beside which there is no truth
        spatial = folder.file("spatial.safetensors"), both = folder.file("both.safetensors"),
                shared = folder.file("shared.safetensors"), // `both`, with one temporal mask for all blocks
        temporal = folder.file("temporal.safetensors"), cropped = folder.file("cropped.safetensors");
    Workplace() {
        const ProgramRun made =
            run_program({"synth", "--dataset", "patch-key", "--out", patches, "--clips", std::to_string(kClips),
                         "--frames", std::to_string(kFrames), "--keys", std::to_string(kKeys), "--quiet"});
        if (made.status != 0) throw std::runtime_error(made.err);
        write_weights(spatial, afnet::MaskKind::Spatial);
        write_weights(both, afnet::MaskKind::Both);
        write_weights(shared, afnet::MaskKind::Both, afnet::Crop::Whole, afnet::TemporalMasks::Shared);
        write_weights(temporal, afnet::MaskKind::Temporal);
        write_weights(cropped, afnet::MaskKind::Spatial, afnet::Crop::Evaluation);
        afnet::write_file(bare, "patches/videos/000000.mp4 0\n");
    }
};

const Workplace &workplace() {
    static const Workplace place;
    return place;
}

// By masks.
std::map<std::string, json> figures(const std::string &model, const Arguments &more) {
    Arguments all = {"--json"};
    all.insert(all.end(), more.begin(), more.end());
    const ProgramRun run = evaluated_small(model, workplace().list, all);
    INFO(run.err);
    REQUIRE(run.status == 0);
    CHECK(run.err.empty());
    std::map<std::string, json> by_masks;
    for (const json &line : run.json_lines())
        by_masks[line.at("masks")] = line;
    return by_masks;
}

std::vector<json> classified_clips(const std::string &model, const Arguments &more = {}) {
    Arguments all = {"classify", "--model", model, "--json", "--quiet"};
    for (int clip = 0; clip < kClips; ++clip)
        all.push_back(workplace().patches + "/videos/00000" + std::to_string(clip) + ".mp4");
    all.insert(all.end(), more.begin(), more.end());
    const ProgramRun run = run_program(all, with_test_kernels());
    INFO(run.err);
    REQUIRE(run.status == 0);
    return run.json_lines();
}

} // namespace

TEST_CASE("eval compares ways to choose patches", "[program_eval]") {
    if (no_samples()) return;
    auto by_masks = figures(workplace().spatial, {"--masks", "learned", "gumbel", "random", "random-same", "centre",
                                                  "blob", "crop", "all", "none", "oracle", "shuffled", "shuffled-same",
                                                  "--rs", "0.25", "--mask-seed", "4", "--reversed"});
    REQUIRE(by_masks.size() == 12);
    for (const auto &[masks, line] : by_masks) {
        INFO(masks);
        CHECK(line.at("masks_of") == "patches");
        CHECK(line.at("clips") == kClips);
        CHECK(line.at("realised_rt") == 1.0);
        CHECK(line.at("rt").is_null());
        CHECK(line.at("block_rt").size() == kBlocks);
        CHECK(line.at("realised_rs_per_block").size() == kBlocks);
        CHECK(line.at("patch_recall_per_block").size() == kBlocks);
        CHECK(line.at("auc").is_null());
        CHECK(line.at("reversed_own").is_number());
        if (line.at("rs").is_null()) continue;
        CHECK(line.at("rs") == .25);
        CHECK(line.at("realised_rs") == .25);
    }
    CHECK(by_masks["random"].at("rs") == .25);
    CHECK(by_masks["learned"].at("rs").is_null());
    CHECK(by_masks["all"].at("realised_rs") == 1.0);
    CHECK(by_masks["all"].at("patch_recall") == 1.0);
    CHECK(by_masks["none"].at("realised_rs") == 0.0);
    CHECK(by_masks["none"].at("patch_recall") == 0.0);
    CHECK(by_masks["oracle"].at("realised_rs") == double(kKeys) / (kFrames * kGrid * kGrid));
    CHECK(by_masks["oracle"].at("patch_recall") == 1.0);
    CHECK(by_masks["oracle"].at("macs") < by_masks["random"].at("macs"));
    CHECK(by_masks["none"].at("macs") < by_masks["oracle"].at("macs"));
    CHECK(by_masks["random"].at("macs") < by_masks["all"].at("macs"));
    CHECK(by_masks["random"].at("official_macs") < by_masks["all"].at("official_macs"));
    CHECK(by_masks["shuffled"].at("realised_rs_per_block") == by_masks["learned"].at("realised_rs_per_block"));
}

TEST_CASE("ratios of patches are what learned realises, unless they are given", "[program_eval]") {
    if (no_samples()) return;
    auto by_masks = figures(workplace().spatial, {"--masks", "random", "learned"});
    const double learned = by_masks["learned"].at("realised_rs");
    CHECK(by_masks["random"].at("rs").get<double>() == Approx(learned));
    CHECK(by_masks["random"].at("realised_rs").get<double>() == Approx(learned).margin(.5 / (kGrid * kGrid)));
    // A grid of its own.
    const json fine = figures(workplace().spatial, {"--masks", "random", "--rs", "0.25", "--grid", "8"})["random"];
    CHECK(fine.at("realised_rs") == .25);
    // The square number nearest to 12.25 patches.
    const json window = figures(workplace().spatial, {"--masks", "crop", "--rs", "0.25", "--grid", "7"})["crop"];
    CHECK(window.at("rs") == .25);
    CHECK(window.at("realised_rs").get<double>() == Approx(9.0 / 49));
}

TEST_CASE("with both kinds of masks the navigation chooses what policies do not", "[program_eval]") {
    if (no_samples()) return;
    const Arguments masks = {"--masks", "learned", "random", "--mask-seed", "2"};
    const auto run = [&](const Arguments &more) {
        Arguments all = masks;
        all.insert(all.end(), more.begin(), more.end());
        return figures(workplace().both, all);
    };
    const std::string first = "layer1.refine_module.0"; // what its navigations see does not depend on masks
    auto patches = run({"--rs", "0.5"});
    CHECK(patches["random"].at("masks_of") == "patches");
    CHECK(patches["random"].at("rt").is_null());
    CHECK(patches["random"].at("block_rt").at(first) == patches["learned"].at("block_rt").at(first));
    auto frames = run({"--masks-of", "frames", "--rt", "0.5"});
    CHECK(frames["random"].at("masks_of") == "frames");
    CHECK(frames["random"].at("rs").is_null());
    CHECK(frames["random"].at("realised_rt") == .5);
    auto both = run({"--masks-of", "both", "--rt", "0.5", "--rs", "0.25"});
    CHECK(both["random"].at("realised_rt") == .5);
    CHECK(both["random"].at("realised_rs") == .25);
    CHECK(both["random"].at("macs") < frames["random"].at("macs"));
    CHECK(both["learned"].at("realised_rs") == patches["learned"].at("realised_rs"));
}

TEST_CASE("eval and classify find the same patches", "[program_eval]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    for (const std::string &model : {workplace().spatial, workplace().both, workplace().shared}) {
        for (const char *batch : {"1", "4"}) { // 4 leaves a last batch of 2
            const std::string out = folder.file(batch);
            const json learned = figures(model, {"--batch", batch, "--out", out})["learned"];
            std::istringstream lines(afnet::read_file(out + "/predictions.jsonl"));
            const auto clips = classified_clips(model);
            REQUIRE(clips.size() == kClips);
            double gmacs = 0;
            for (const json &clip : clips) {
                std::string text;
                std::getline(lines, text);
                const json line = json::parse(text);
                gmacs += clip.at("gmac").get<double>();
                CHECK(clip.at("grid") == kGrid);
                REQUIRE(clip.at("patches").size() == kBlocks);
                REQUIRE(clip.at("block_rs").size() == kBlocks);
                CHECK(clip.at("realised_rs").is_number());
                CHECK(line.at("key_patches").size() == kKeys);
                size_t block = 0;
                for (const auto &[name, rt] : learned.at("block_rt").items()) {
                    INFO(name);
                    CHECK(clip.at("patches").at(name) == line.at("patches").at(block));
                    CHECK(clip.at("patches").at(name).size() == kFrames);
                    CHECK(clip.at("patches").at(name).at(0).size() == kGrid * kGrid);
                    CHECK(clip.at("masks").at(name) == line.at("selected").at(block++));
                }
            }
            // A batch may compute a block whole that a clip alone would not.
            CHECK(learned.at("macs").get<double>() ==
                  Approx(gmacs * 1e9 / kClips).epsilon(batch[0] == '1' ? 1e-9 : .2));
        }
    }
}

// On OpenCL: of CTest's device_patches.
TEST_CASE("a device computes the patches that the CPU computes", "[device_patches]") {
    if (no_samples()) return;
    const Arguments device = {"--device", "opencl"}, masks = {"--masks", "learned", "random", "all", "--rs", "0.25"};
    Arguments on_device = masks;
    on_device.insert(on_device.end(), device.begin(), device.end());
    for (const std::string &model : {workplace().spatial, workplace().both, workplace().shared}) {
        INFO(model);
        const auto there = classified_clips(model, device), here = classified_clips(model);
        REQUIRE(there.size() == kClips);
        for (size_t clip = 0; clip < there.size(); clip++) {
            for (const char *same : {"masks", "patches", "realised_rs"})
                CHECK(there[clip].at(same) == here[clip].at(same));
            const json &ours = there[clip].at("topk").at(0), &theirs = here[clip].at("topk").at(0);
            CHECK(ours.at("index") == theirs.at("index"));
            CHECK(ours.at("prob").get<double>() == Approx(theirs.at("prob").get<double>()).epsilon(1e-4));
        }
        const auto evaluated = figures(model, on_device), on_cpu = figures(model, masks);
        for (const auto &[name, line] : on_cpu) {
            INFO(name);
            for (const char *same : {"top1", "block_rt", "realised_rs_per_block"})
                CHECK(evaluated.at(name).at(same) == line.at(same));
        }
        // Every pixel by lists: none is computed twice over in tiles.
        CHECK(evaluated.at("random").at("macs") < on_cpu.at("all").at("macs"));
        CHECK(evaluated.at("random").at("macs") < evaluated.at("all").at("macs"));
    }
}

TEST_CASE("a temporal mask that blocks share is chosen, drawn and exchanged once", "[program_eval]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    const Arguments wanted = {"--masks-of", "frames",   "--rt",   "0.5",    "--masks",
                              "learned",    "gumbel",   "random", "normal", "first",
                              "all",        "shuffled", "none",   "--out",  folder.file("out")};
    const auto by_masks = figures(workplace().shared, wanted);
    CHECK(by_masks.at("random").at("realised_rt") == .5);
    CHECK(by_masks.at("shuffled").at("realised_rt") == by_masks.at("learned").at("realised_rt"));
    CHECK(by_masks.at("none").at("realised_rt") == 0);
    std::istringstream lines(afnet::read_file(folder.file("out") + "/predictions.jsonl"));
    size_t seen = 0;
    for (std::string text; std::getline(lines, text); seen++) {
        const json line = json::parse(text);
        INFO(line.at("masks"));
        REQUIRE(line.at("selected").size() == kBlocks);
        for (const json &mask : line.at("selected"))
            CHECK(mask == line.at("selected").at(0));
        for (const json &keep : line.at("keep"))
            CHECK(keep == line.at("keep").at(0));
    }
    CHECK(seen == by_masks.size() * kClips);
    bool apart = false; // patches are each block's own
    for (const json &clip : classified_clips(workplace().shared, {"--gumbel-seed", "1"})) {
        const json &patches = clip.at("patches");
        apart = apart || patches.front() != patches.back();
    }
    CHECK(apart);
}

TEST_CASE("noise reaches the navigation of patches", "[program_eval]") {
    if (no_samples()) return;
    const auto patches = [](const Arguments &more) {
        json all = json::array();
        for (const json &clip : classified_clips(workplace().spatial, more))
            all.push_back(clip.at("patches"));
        return all;
    };
    const json noisy = patches({"--gumbel-seed", "5"});
    CHECK(noisy == patches({"--gumbel-seed", "5"}));
    CHECK(noisy != patches({"--gumbel-seed", "6"}));
    CHECK(noisy != patches({}));
    const auto one = figures(workplace().spatial, {"--masks", "gumbel", "--mask-seed", "1"});
    const auto two = figures(workplace().spatial, {"--masks", "gumbel", "--mask-seed", "2"});
    CHECK(one.at("gumbel").at("realised_rs") != two.at("gumbel").at("realised_rs"));
}

TEST_CASE("eval plots the ratio of patches", "[program_eval]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    const ProgramRun run = evaluated_small(workplace().spatial, workplace().list, {"--out", folder.file("spatial")});
    INFO(run.err);
    REQUIRE(run.status == 0);
    CHECK_THAT(run.out, Contains("RS") && Contains("key patch"));
    CHECK(afnet::xml_fault(afnet::read_file(folder.file("spatial") + "/realised_rs.svg")) == "");
    CHECK_FALSE(std::filesystem::exists(folder.file("spatial") + "/realised_rt.svg"));
    REQUIRE(evaluated_small(workplace().both, workplace().list, {"--out", folder.file("both")}).status == 0);
    CHECK(std::filesystem::exists(folder.file("both") + "/realised_rs.svg"));
    CHECK(std::filesystem::exists(folder.file("both") + "/realised_rt.svg"));
}

TEST_CASE("--picture shows which patches were computed", "[program_eval]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    const std::string video = workplace().patches + "/videos/000000.mp4";
    std::map<std::string, std::string> pictures;
    for (const auto &[name, model] : {std::pair("spatial", workplace().spatial),
                                      {"temporal", workplace().temporal},
                                      {"shared", workplace().shared}}) {
        const std::string file = folder.file(std::string(name) + ".png");
        const ProgramRun run = run_program({"classify", video, "--model", model, "--picture", file, "--quiet",
                                            "--gumbel-seed", "3", "--block", "layer1.refine_module.0"},
                                           with_test_kernels());
        INFO(run.err);
        REQUIRE(run.status == 0);
        if (std::string(name) == "spatial") CHECK_THAT(run.out, Contains("RS, of their patches"));
        pictures[name] = afnet::read_file(file);
        CHECK(pictures[name].substr(1, 3) == "PNG");
    }
    CHECK(pictures["spatial"] != pictures["temporal"]);
}

TEST_CASE("what policies of patches cannot do is refused", "[program_eval]") {
    if (no_samples()) return;
    const Workplace &place = workplace();
    const auto refused = [&](const std::string &model, const std::string &list, const Arguments &more,
                             const std::string &part) {
        INFO(part);
        check_refusal(evaluated_small(model, list, more), 2, part);
    };
    refused(place.temporal, place.list, {"--grid", "4"}, "--grid: small_af_resnet has no masks in space");
    refused(place.temporal, place.list, {"--masks", "random", "--masks-of", "patches"}, "has no masks in space");
    refused(place.temporal, place.list, {"--masks", "random", "--rs", "0.5"}, "--rs: the --masks choose no patches");
    refused(place.temporal, place.list, {"--masks", "blob"}, "blob: chooses patches");
    refused(place.temporal, place.list, {"--masks", "crop"}, "crop: chooses patches");
    refused(place.spatial, place.list, {"--masks-of", "frames"}, "masks in space alone");
    refused(place.spatial, place.list, {"--masks", "random", "--rt", "0.5"}, "--rt: the --masks choose no frames");
    refused(place.spatial, place.list, {"--masks", "uniform"}, "uniform: chooses frames");
    refused(place.spatial, place.list, {"--masks", "all", "--rs", "0.5"}, "none of the --masks takes a ratio");
    refused(place.spatial, place.list, {"--masks", "shuffled", "--grid", "8"}, "exchanges the navigation's patches");
    refused(place.spatial, place.bare, {"--masks", "oracle"}, "needs the true key patches");
    refused(place.cropped, place.list, {"--masks", "oracle"}, "key patches are those of whole frames");
    for (const char *ratio : {"1.5", "-0.1", "x"})
        CHECK(evaluated_small(place.spatial, place.list, {"--masks", "random", "--rs", ratio}).status == 2);
    for (const char *grid : {"0", "65"})
        CHECK(evaluated_small(place.spatial, place.list, {"--masks", "random", "--grid", grid}).status == 2);
    CHECK(evaluated_small(place.both, place.list, {"--masks-of", "pixels"}).status == 2);
    CHECK(evaluated_small(place.cropped, place.list, {"--json"}).json_lines().at(0).at("patch_recall").is_null());

    // Key patches that are not those of the list.
    const afnet::TemporaryFolder folder;
    afnet::write_file(folder.file("list.txt"), place.patches + "/videos/000000.mp4 1\n");
    afnet::write_file(folder.file("key_patches.json"),
                      "{\"format\": \"afnet-key-patches/1\", \"frames\": 4, \"hold\": 2, "
                      "\"grid\": 4, \"clips\": {}}");
    check_refusal(evaluated_small(place.spatial, folder.file("list.txt")), 1, "no key patches of");
}
