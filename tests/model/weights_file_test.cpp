// Weights files: what was written comes back, and whatever does not fit is refused with its name.
#include "model/weights_file.h"

#include <algorithm>
#include <limits>

#include "runtime/safetensors.h"
#include "tests/model/checkpoint_builder.h"

using namespace afnet;
using namespace afnet_test;
using Catch::Matchers::Contains;

namespace {

/// A weights file in parts, to break it before it is written.
struct Draft {
    ScratchFolder folder;
    std::string path = folder / "model.safetensors";
    std::vector<Entry> entries;
    std::map<std::string, std::string> metadata;

    explicit Draft(Family family = Family::AfResNet) : entries(state_dict_of(small_network(family))) {
        metadata[kDescriptionKey] = description_text(small_network(family));
    }
    void write() const {
        std::vector<SafetensorsTensor> tensors;
        for (const Entry &entry : entries) {
            if (entry.counter) continue;
            tensors.push_back({entry.key, "F32", entry.shape,
                               reinterpret_cast<const unsigned char *>(entry.values.data()),
                               entry.values.size() * sizeof(float)});
        }
        write_safetensors(path, tensors, metadata);
    }
    std::string refused() const {
        write();
        return refusal([&] { load_model(path); });
    }
    /// Replaces a part of the description's JSON.
    void describe(const std::string &from, const std::string &to) {
        std::string &text = metadata[kDescriptionKey];
        const size_t at = text.find(from);
        REQUIRE(at != std::string::npos);
        text.replace(at, from.size(), to);
    }
};

}  // namespace

TEST_CASE("weights: what was saved comes back", "[weights_file]") {
    const ScratchFolder folder;
    for (const Family family : {Family::AfResNet, Family::ResNet}) {
        const ModelDescription d = small_network(family);
        std::map<std::string, std::vector<float>> parameters;
        for (const ParameterInfo &p : parameters_of(d)) parameters[p.key] = recipe_parameter(p.key, p.shape, 9);
        save_model(folder / "m.safetensors", d, parameters, {"a", "b", "c", "d", "\xc3\xa9 f"});
        const LoadedModel loaded = load_model(folder / "m.safetensors");
        CHECK(description_text(loaded.description) == description_text(d));
        CHECK(loaded.labels.back() == "\xc3\xa9 f");
        CHECK(loaded.source == folder / "m.safetensors");
        for (const ParameterInfo &p : parameters_of(d)) CHECK(loaded.weights(p) == parameters[p.key]);
        CHECK_THROWS_AS(loaded.weights({"fc.weight", {1, 1}}), Error);
        CHECK_THROWS_AS(loaded.weights({"fc.scale", {5}}), Error);
    }
}

TEST_CASE("weights: a name instead of a file", "[weights_file]") {
    const LoadedModel model = load_model("af_resnet50", 7);
    CHECK_FALSE(model.trained);
    CHECK(model.weights({"bn1.weight", {64}}) == recipe_parameter("bn1.weight", {64}, 7));
    CHECK_THROWS_AS(load_model("af_resnet52"), UsageError);
    CHECK_THAT(refusal([] { load_model("no/such"); }), Contains("no/such: no such file"));
    CHECK_THAT(refusal([] { load_model("none.safetensors"); }), Contains("no such file"));
}

TEST_CASE("weights: a description instead of a file", "[weights_file]") {
    const LoadedModel model = load_model(std::string(AFNET_FIXTURES) + "/models/small_basic_af_resnet.json", 7);
    CHECK_FALSE(model.trained);
    CHECK(model.description.block == Block::Basic);
    CHECK(model.weights({"bn1.weight", {16}}) == recipe_parameter("bn1.weight", {16}, 7));
    const ScratchFolder folder;
    write_bytes(folder / "model.json", "{}");
    CHECK_THAT(refusal([&] { load_model(folder / "model.json"); }), Contains("model.json: model description"));
}

TEST_CASE("weights: all misfits are said at once", "[weights_file]") {
    Draft draft;
    entry_of(draft.entries, "bn1.weight").key = "bn9.weight";
    entry_of(draft.entries, "layer1.att_gen.fc.0.weight").shape = {64, 4};
    entry_of(draft.entries, "layer4.1.bn2.bias").values[3] = std::numeric_limits<float>::quiet_NaN();
    const std::string message = draft.refused();
    for (const char *part :
         {"4 parameters do not fit", "'bn1.weight': missing; [16] expected",
          "'bn9.weight': [16] is no part of the model", "'layer1.att_gen.fc.0.weight': is [64, 4]; [4, 64] expected",
          "'layer4.1.bn2.bias': element 3 is not finite"}) {
        CHECK_THAT(message, Contains(part));
    }
}

TEST_CASE("weights: parameters for another T", "[weights_file]") {
    Draft draft;
    draft.describe("\"frames\":4", "\"frames\":8");
    const std::string message = draft.refused();
    CHECK_THAT(message, Contains("6 parameters do not fit"));
    CHECK_THAT(message, Contains("'layer2.list_gen.0.conv_gs.weight': is [8, 2, 1, 1]; [16, 2, 1, 1] expected"));
}

TEST_CASE("weights: an adaptive network's are for one T, static and drawn ones for any", "[weights_file]") {
    LoadedModel model;
    model.source = "m.safetensors";
    model.description = small_network(Family::AfResNet);
    CHECK_NOTHROW(check_frames(model, 4));
    CHECK_THAT(refusal([&] { check_frames(model, 8); }),
               Contains("m.safetensors: its weights are for clips of 4 frames; --frames 8 asks for another number"));
    model.trained = false;
    CHECK_NOTHROW(check_frames(model, 8));
    model.trained = true;
    model.description = small_network(Family::ResNet);
    CHECK_NOTHROW(check_frames(model, 8));
}

TEST_CASE("weights: large parameters may be read again", "[weights_file]") {
    const ScratchFolder folder;
    ModelDescription d = small_network(Family::ResNet);
    d.width = 64;
    std::map<std::string, std::vector<float>> parameters;
    for (const ParameterInfo &p : parameters_of(d))
        parameters[p.key] = recipe_parameter(p.key, p.shape, 9);
    save_model(folder / "m.safetensors", d, parameters, {});
    const LoadedModel loaded = load_model(folder / "m.safetensors");
    for (int round = 0; round < 2; round++) {
        for (const ParameterInfo &p : parameters_of(d))
            CHECK((loaded.weights(p) == parameters[p.key]));
    }
}

TEST_CASE("weights: a long list is cut", "[weights_file]") {
    Draft draft;
    for (Entry &entry : draft.entries) entry.key = "x." + entry.key;
    const std::string message = draft.refused();
    CHECK(std::count(message.begin(), message.end(), '\n') == 41);
    CHECK_THAT(message, Contains(" more"));
}

TEST_CASE("weights: descriptions that make no sense", "[weights_file]") {
    const auto refused = [](const std::string &from, const std::string &to) {
        Draft draft;
        draft.describe(from, to);
        return draft.refused();
    };
    CHECK_THAT(refused("\"small\"", "\"../small\""), Contains("name is '../small'; 1 to 64 letters"));
    CHECK_THAT(refused("\"frames\":4", "\"frames\":0"), Contains("frames is 0; 1 to 256 expected"));
    CHECK_THAT(refused("\"width\":16", "\"width\":20"), Contains("width is 20; a multiple of 16 expected"));
    CHECK_THAT(refused("[2,2,2,2]", "[2,2,2]"), Contains("depths must be four numbers"));
    CHECK_THAT(refused("[2,2,2,2]", "[2,1,2,2]"), Contains("depths is 1; 2 to 64 expected"));
    CHECK_THAT(refused("\"classes\":5,", ""), Contains("classes"));
    CHECK_THAT(refused("\"classes\":5", "\"classes\":\"5\""), Contains("model description"));
    CHECK_THAT(refused("{", "["), Contains("model description"));
}

TEST_CASE("weights: a family or a field that is not known", "[weights_file]") {
    Draft family;
    family.describe("af_resnet", "af_vit");
    CHECK_THAT(family.refused(), Contains("\"/family\" is \"af_vit\""));
    Draft field;
    field.describe("\"classes\":5", "\"classes\":5,\"groups\":3");
    CHECK_THAT(field.refused(), Contains("\"/groups\" is 3"));
}

TEST_CASE("weights: names of classes must be as many as classes", "[weights_file]") {
    Draft draft;
    draft.metadata[kLabelsKey] = "a\nb\nc\n";
    CHECK_THAT(draft.refused(), Contains("names 3 classes; 5 expected"));
}

TEST_CASE("weights: files that are none", "[weights_file]") {
    Draft draft;
    draft.metadata.clear();
    CHECK_THAT(draft.refused(), Contains("no afnet.model"));

    const Draft good;
    good.write();
    const std::string bytes = contents_of(good.path);
    for (const size_t size : {size_t(0), size_t(7), size_t(100), bytes.size() / 2, bytes.size() - 1}) {
        INFO(size);
        write_bytes(good.path, bytes.substr(0, size));
        CHECK_THAT(refusal([&] { load_model(good.path); }), Contains(good.path));
    }
}
