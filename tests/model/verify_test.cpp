// `afnet verify` on cases that force masks, as other programs' results are compared (docs/peers.md).
#include <catch2/catch.hpp>

#include "model/verify.h"
#include "runtime/error.h"
#include "runtime/json.h"
#include "runtime/safetensors.h"
#include "tests/model/network_run.h"
#include "tests/temporary_folder.h"

using namespace afnet;
using Catch::Matchers::Contains;
using Json = nlohmann::json;

namespace {

constexpr int kFrames = 3, kClasses = 5, kSize = 64;
constexpr uint64_t kSeed = 11;

Json case_of(const std::string &model) {
    return {{"model", model}, {"frames", kFrames}, {"batch", 1},
            {"size", kSize},  {"seed", kSeed},     {"classes", kClasses}};
}

void write_case(const std::string &path, const Json &json, std::vector<float> scores) {
    const SafetensorsTensor tensor = {"clip_logits",
                                      "F32",
                                      {1, int64_t(scores.size())},
                                      reinterpret_cast<const unsigned char *>(scores.data()),
                                      scores.size() * 4};
    write_safetensors(path, {tensor}, {{"case", json.dump()}});
}

// The reference's scores of a clip when every focal block computes all frames, or none.
std::vector<float> reference_scores(Masks masks) {
    NetworkRun run;
    run.description = shipped_model("af_mobilenetv3_tsm");
    run.description.frames = run.shape.frames = kFrames;
    run.description.classes = kClasses;
    run.shape.width = run.shape.height = kSize;
    run.masks = masks;
    run.seed = kSeed;
    const std::vector<double> scores = expected_outputs(run).at("clip_logits").data;
    return std::vector<float>(scores.begin(), scores.end());
}

KernelStore model_kernels() {
    return KernelStore(AFNET_KERNEL_DIR, choose_library_target(AFNET_KERNEL_DIR));
}

} // namespace

TEST_CASE("verify: masks that a case forces", "[verify_case]") {
    const TemporaryFolder folder;
    KernelStore kernels = model_kernels();
    const std::string path = folder.file("case.safetensors");
    for (const Masks masks : {Masks::None, Masks::All}) {
        const std::vector<float> scores = reference_scores(masks);
        for (const int selected : {0, 1}) {
            Json json = case_of("af_mobilenetv3_tsm");
            json["forced_mask"] = std::vector<int>(kFrames, selected);
            write_case(path, json, scores);
            INFO("reference computes " << (masks == Masks::All ? "all" : "no") << " frames, the case " << selected);
            CHECK(verify_case(path, kernels).passed() == (selected == (masks == Masks::All ? 1 : 0)));
        }
    }
}

TEST_CASE("verify: masks that cannot be forced", "[verify_case]") {
    const TemporaryFolder folder;
    KernelStore kernels = model_kernels();
    const std::string path = folder.file("case.safetensors");
    const auto refused = [&](const std::string &model, const Json &mask, const std::string &part) {
        Json json = case_of(model);
        json["forced_mask"] = mask;
        write_case(path, json, std::vector<float>(kClasses));
        CHECK_THROWS_WITH(verify_case(path, kernels), Contains(path) && Contains(part));
    };
    refused("af_mobilenetv3_tsm", {1, 0}, "`forced_mask` must be 3 numbers that are 0 or 1");
    refused("af_mobilenetv3_tsm", {1, 0, 2}, "`forced_mask` must be 3 numbers that are 0 or 1");
    refused("af_mobilenetv3_tsm", "all", "its case cannot be read");
    refused("resnet50_tsm", {1, 0, 1}, "`forced_mask` is given, but resnet50_tsm selects no frames");
    refused("resnet51", {1, 0, 1}, "unknown model 'resnet51'");
}
