// From checkpoints to weights files: recognition, renaming, TSM, and everything that can be wrong with one.
#include "model/checkpoint_import.h"

#include <limits>

#include "model/weights_file.h"
#include "runtime/json.h"
#include "tests/model/checkpoint_builder.h"
#include "tests/program_output.h"

using namespace afnet;
using namespace afnet_test;
using Catch::Matchers::Contains;

namespace {

std::string import_refusal(const std::string &path, const ImportOptions &options = {}) {
    return refusal([&] { import_checkpoint(path, options); });
}

std::string refusal_of(const std::vector<Entry> &entries, const ImportOptions &options = {}) {
    const ScratchFolder folder;
    const std::string path = folder / "some.pth";
    write_bytes(path, torch_file(entries));
    return import_refusal(path, options);
}

ImportOptions with_shift(bool shift) {
    ImportOptions options;
    options.shift = shift;
    return options;
}

ImportOptions as_model(const std::string &name) {
    ImportOptions options;
    options.model = name;
    return options;
}

}  // namespace

TEST_CASE("import: the authors' training checkpoint of an AF-ResNet of any width and depth", "[import]") {
    const ModelDescription small = small_network(Family::AfResNet);
    const ScratchFolder folder;
    write_bytes(folder / "ckpt.best.pth.tar", torch_file(state_dict_of(small, 3, wrapped_key), true));
    write_bytes(folder / "names.txt", "a b\r\nc\nd\ne\nf");

    ImportOptions options = with_shift(true);
    options.labels = read_labels(folder / "names.txt");
    options.size = 64;
    const ImportedModel model = import_checkpoint(folder / "ckpt.best.pth.tar", options);
    CHECK(model.description.family == Family::AfResNet);
    CHECK(model.description.width == 16);
    CHECK(model.description.depths == small.depths);
    CHECK(model.description.frames == 4);
    CHECK(model.description.classes == 5);
    CHECK(model.description.size == 64);
    CHECK(model.description.shift);
    CHECK(model.description.name == "af_resnet_2_2_2_2_w16_tsm");
    CHECK(model.shift_reason == "--shift");
    CHECK(model.parameters.count("fc.weight") == 1);
    CHECK(model.parameters.count("layer1.refine_module.0.conv2.weight") == 1);
    CHECK(model.parameters.count("bn1.num_batches_tracked") == 0);

    save_model(folder / "out.safetensors", model.description, model.parameters, options.labels);
    const LoadedModel loaded = load_model(folder / "out.safetensors");
    CHECK(loaded.trained);
    CHECK(loaded.labels == std::vector<std::string>{"a b", "c", "d", "e", "f"});
    CHECK(description_text(loaded.description) == description_text(model.description));
    const auto needed = parameters_of(small);
    CHECK(needed.size() == model.parameters.size());
    for (const ParameterInfo &p : needed) {
        INFO(p.key);
        CHECK(loaded.weights(p) == recipe_parameter(p.key, p.shape, 3));
    }
}

TEST_CASE("import: a plain safetensors file of a state_dict, and torchvision's ResNet", "[import]") {
    const ModelDescription small = small_network(Family::ResNet);
    const ScratchFolder folder;
    write_plain_safetensors(folder / "plain.safetensors", state_dict_of(small));
    ImportOptions options = with_shift(false);
    options.frames = 6;
    const ImportedModel model = import_checkpoint(folder / "plain.safetensors", options);
    CHECK(model.description.family == Family::ResNet);
    CHECK(model.description.name == "resnet_2_2_2_2_w16");
    CHECK(model.description.frames == 6);
    CHECK(model.parameters.at("layer2.0.downsample.0.weight").size() == 64 * 128);

    save_model(folder / "weights.safetensors", model.description, model.parameters, {});
    CHECK_THAT(import_refusal(folder / "weights.safetensors"), Contains("is a weights file already"));
}

TEST_CASE("import: ResNets of basic blocks, adaptive and not", "[import]") {
    const ScratchFolder folder;
    for (const Family family : {Family::ResNet, Family::AfResNet}) {
        ModelDescription small = small_network(family);
        small.block = Block::Basic;
        const std::string path = folder / (family == Family::ResNet ? "plain.pth" : "adaptive.pth");
        const std::vector<Entry> entries = state_dict_of(small, 3, wrapped_key);
        write_bytes(path, torch_file(entries));
        const ImportedModel model = import_checkpoint(path, with_shift(true));
        CHECK(model.description.block == Block::Basic);
        CHECK(model.description.depths == small.depths);
        CHECK(model.description.name ==
              std::string(family == Family::ResNet ? "resnet" : "af_resnet") + "_basic_2_2_2_2_w16_tsm");
        CHECK(model.parameters.size() == parameters_of(small).size());
        CHECK(model.parameters.at("layer4.1.conv2.weight").size() == 128 * 128 * 9);
        CHECK_THAT(import_refusal(path, as_model("resnet50")),
                   Contains("of width 16 with 2 2 2 2 basic blocks, but --model resnet50 is ResNet of width 64"));
    }
    // The keys of torchvision's ResNet-34 and of AF-ResNet-34 (AFNET_SPEC §11).
    const auto key = [](const ModelDescription &d, const std::string &wanted) {
        for (const ParameterInfo &p : parameters_of(d))
            if (p.key == wanted) return p.shape;
        return std::vector<int64_t>();
    };
    using Shape = std::vector<int64_t>;
    const ModelDescription &plain = shipped_model("resnet34"), &adaptive = shipped_model("af_resnet34_tsm");
    CHECK(key(plain, "layer1.0.conv1.weight") == Shape{64, 64, 3, 3});
    CHECK(key(plain, "layer1.0.downsample.0.weight").empty());
    CHECK(key(plain, "layer3.0.downsample.0.weight") == Shape{256, 128, 1, 1});
    CHECK(key(plain, "layer4.2.bn2.running_var") == Shape{512});
    CHECK(key(adaptive, "layer1.base_module.0.downsample.1.weight") == Shape{32, 64, 1, 1});
    CHECK(key(adaptive, "layer2.base_module.0.downsample.1.weight").empty());
    CHECK(key(adaptive, "layer2.base_module.0.conv1.weight") == Shape{64, 64, 3, 3});
    CHECK(key(adaptive, "layer1.refine_module.0.downsample.0.weight").empty());
    CHECK(key(adaptive, "layer1.refine_module.0.conv1.weight") == Shape{64, 32, 3, 3});
    CHECK(key(adaptive, "layer2.refine_module.0.downsample.0.weight") == Shape{128, 64, 1, 1});
    CHECK(key(adaptive, "layer2.refine_module.0.conv1.weight") == Shape{128, 32, 3, 3});
    CHECK(key(adaptive, "layer3.fusion.0.conv2.weight") == Shape{256, 256, 3, 3});
    CHECK(key(adaptive, "layer4.0.downsample.1.weight") == Shape{512, 256, 1, 1});
    CHECK(key(adaptive, "layer3.att_gen.fc.0.weight") == Shape{16, 256});
}

TEST_CASE("import: which masks a network has follows from its navigations", "[import]") {
    const ScratchFolder folder;
    const auto imported = [&](const ModelDescription &d, const ImportOptions &options) {
        write_bytes(folder / "some.pth", torch_file(state_dict_of(d, 3, wrapped_key)));
        const ImportedModel model = import_checkpoint(folder / "some.pth", options);
        CHECK(model.parameters.size() == parameters_of(d).size());
        save_model(folder / "out.safetensors", model.description, model.parameters, {});
        CHECK(description_text(load_model(folder / "out.safetensors").description) ==
              description_text(model.description));
        return model.description;
    };
    for (const MaskKind masks : {MaskKind::Temporal, MaskKind::Spatial, MaskKind::Both}) {
        for (const TemporalMasks sharing : {TemporalMasks::PerBlock, TemporalMasks::Shared}) {
            if (masks == MaskKind::Spatial && sharing == TemporalMasks::Shared) continue;
            ModelDescription d = small_network(Family::AfResNet);
            d.masks = masks;
            d.temporal_masks = sharing;
            d.shift = true;
            INFO(ablation_text(d));
            ImportOptions options = with_shift(true);
            if (masks == MaskKind::Spatial) options.frames = 6; // nothing tells
            if (masks != MaskKind::Temporal) options.grid = 4;
            const ModelDescription found = imported(d, options);
            CHECK(found.masks == masks);
            CHECK(found.temporal_masks == sharing);
            CHECK(found.frames == (masks == MaskKind::Spatial ? 6 : 4));
            if (masks != MaskKind::Temporal) CHECK(found.grid == 4);
            CHECK(found.name == "af_resnet_2_2_2_2_w16_tsm");
        }
    }
    ModelDescription mobile = shipped_model("af_mobilenetv3_tsm");
    mobile.classes = 5;
    CHECK(imported(mobile, {}).temporal_masks == TemporalMasks::PerBlock);
    mobile.temporal_masks = TemporalMasks::Shared;
    CHECK(imported(mobile, {}).temporal_masks == TemporalMasks::Shared);

    // Another block's navigation alone, or that of two blocks, is no arrangement that there is.
    for (const size_t kept : {size_t(1), size_t(2)}) {
        std::vector<Entry> entries;
        for (const Entry &entry : state_dict_of(small_network(Family::AfResNet))) {
            const bool second = entry.key.rfind("layer2.list_gen.0.", 0) == 0;
            const bool first = entry.key.rfind("layer1.list_gen.0.", 0) == 0;
            if (entry.key.find("list_gen") == std::string::npos || second || (first && kept == 2))
                entries.push_back(entry);
        }
        CHECK_THAT(refusal_of(entries), Contains("'layer3.list_gen.0.conv_gs.weight': missing"));
    }
    ImportOptions grid;
    grid.grid = 4;
    CHECK_THAT(refusal_of(state_dict_of(small_network(Family::AfResNet)), grid),
               Contains("--grid is for masks in space"));
}

TEST_CASE("import: AF-MobileNetV3 always shifts", "[import]") {
    ModelDescription d = shipped_model("af_mobilenetv3_tsm");
    d.frames = 8;
    d.classes = 7;
    const ScratchFolder folder;
    write_plain_safetensors(folder / "mobile.safetensors",
                            state_dict_of(d, 3, [](const std::string &key) { return "module.base_model." + key; }));
    const ImportedModel model = import_checkpoint(folder / "mobile.safetensors", as_model("af_mobilenetv3_tsm"));
    CHECK(model.description.name == "af_mobilenetv3_tsm");
    CHECK(model.description.frames == 8);
    CHECK(model.description.classes == 7);
    CHECK(model.description.shift);
    CHECK(model.parameters.at("fc.3.bias") == recipe_parameter("fc.3.bias", {7}, 3));
    CHECK_THAT(import_refusal(folder / "mobile.safetensors", with_shift(false)),
               Contains("--no-shift is without shift, but AF-MobileNetV3 always shifts"));
    CHECK_THAT(import_refusal(folder / "mobile.safetensors", as_model("af_resnet50")),
               Contains("holds parameters of AF-MobileNetV3, but --model af_resnet50 is AF-ResNet"));
}

TEST_CASE("import: whether a ResNet shifts", "[import]") {
    const ScratchFolder folder;
    std::filesystem::create_directories(folder / "run_SHIFT8_avg");
    std::filesystem::create_directories(folder / "plain");
    const std::string bytes = torch_file(state_dict_of(small_network(Family::AfResNet)));
    for (const char *name : {"run_SHIFT8_avg/ckpt.pth", "plain/ckpt.pth", "plain/r50_tsm.pth"}) {
        write_bytes(folder / name, bytes);
    }
    const auto shift = [&](const std::string &name, const ImportOptions &options = {}) {
        return import_checkpoint(folder / name, options);
    };
    CHECK(shift("run_SHIFT8_avg/ckpt.pth").description.shift);
    CHECK(shift("run_SHIFT8_avg/ckpt.pth").shift_guessed);
    CHECK(shift("plain/r50_tsm.pth").description.shift);
    CHECK_FALSE(shift("plain/ckpt.pth").description.shift);
    CHECK(shift("plain/ckpt.pth", with_shift(true)).description.shift);
    CHECK_FALSE(shift("plain/r50_tsm.pth", with_shift(false)).description.shift);
    CHECK_FALSE(shift("plain/r50_tsm.pth", with_shift(false)).shift_guessed);

    ImportOptions contradiction = as_model("af_resnet50");
    contradiction.shift = true;
    CHECK_THROWS_AS(shift("plain/ckpt.pth", contradiction), UsageError);
    CHECK_THROWS_AS(shift("plain/ckpt.pth", as_model("vit")), UsageError);
    CHECK_THAT(import_refusal(folder / "plain/ckpt.pth", as_model("af_resnet50")),
               Contains("holds parameters of AF-ResNet of width 16 with 2 2 2 2 blocks, but --model af_resnet50 is "
                        "AF-ResNet of width 64 with 3 4 6 3 blocks"));
}

TEST_CASE("import: TSM's own wrappers tell that a ResNet shifts", "[import]") {
    const auto tsm_key = [](const std::string &key) {
        const size_t at = key.rfind(".conv1.weight");
        return "module.base_model." + (at == std::string::npos ? key : key.substr(0, at) + ".conv1.net.weight");
    };
    std::vector<Entry> entries = state_dict_of(small_network(Family::ResNet), 3, tsm_key);
    const ScratchFolder folder;
    write_bytes(folder / "a.pth", torch_file(entries));
    const ImportedModel model = import_checkpoint(folder / "a.pth", {});
    CHECK(model.description.shift);
    CHECK_FALSE(model.shift_guessed);
    CHECK_THAT(import_refusal(folder / "a.pth", with_shift(false)), Contains("TSM's wrapper"));
    entry_of(entries, "module.base_model.layer3.1.conv1.net.weight").key = "layer3.1.conv1.weight";
    CHECK_THAT(refusal_of(entries), Contains("around 7 of 8 blocks"));
}

TEST_CASE("import: all that does not fit is said at once", "[import]") {
    const ModelDescription small = small_network(Family::AfResNet);
    std::vector<Entry> entries = state_dict_of(small, 3, wrapped_key);
    entry_of(entries, "module.base_model.bn1.weight").key = "module.base_model.bn9.weight";
    entry_of(entries, "module.base_model.layer1.att_gen.fc.0.weight").shape = {64, 4};
    entry_of(entries, "module.base_model.layer4.1.bn2.bias").values[3] = std::numeric_limits<float>::quiet_NaN();
    entry_of(entries, "module.base_model.layer4.1.bn3.bias").values[7] = -std::numeric_limits<float>::infinity();
    entries.push_back({"base_model.fc.bias", {5}, std::vector<float>(5)});
    ImportOptions options;
    options.labels = {"one", "two"};
    const std::string message = refusal_of(entries, options);
    for (const char *part :
         {"looks like AF-ResNet of width 16 with 2 2 2 2 blocks, T = 4, 5 classes, but 7 things do not fit:",
          "'bn1.weight': missing; [16] expected", "'bn9.weight': [16] is no part of the model",
          "'layer1.att_gen.fc.0.weight': is [64, 4]; [4, 64] expected",
          "'layer4.1.bn2.bias': element 3 is not finite", "'layer4.1.bn3.bias': element 7 is not finite",
          "'base_model.fc.bias': is 'fc.bias' of the network, as is 'module.new_fc.bias'",
          "labels: 2 given; 5 expected"}) {
        CHECK_THAT(message, Contains(part));
    }
}

TEST_CASE("import: a network of another T in some modules, and with a gap", "[import]") {
    std::vector<Entry> entries = state_dict_of(small_network(Family::AfResNet));
    entry_of(entries, "layer3.list_gen.0.conv_gs.bias").shape = {10};
    entry_of(entries, "layer3.list_gen.0.conv_gs.bias").values.resize(10);
    CHECK_THAT(refusal_of(entries),
               Contains("1 thing does not fit:\n  'layer3.list_gen.0.conv_gs.bias': is [10]; [8]"));

    entries = state_dict_of(small_network(Family::ResNet));
    for (Entry &entry : entries) {
        if (entry.key.rfind("layer2.1.", 0) == 0) entry.key.replace(0, 9, "layer2.2.");
    }
    CHECK_THAT(refusal_of(entries), Contains("'layer2.1.conv1.weight': missing"));
    entry_of(entries, "layer2.2.conv1.weight").key = "layer2.4000.conv1.weight";
    CHECK_THAT(refusal_of(entries), Contains("depths is 4001; 1 to 64 expected"));
}

TEST_CASE("import: networks that are not known", "[import]") {
    CHECK_THAT(refusal_of({{"layer1.0.conv2.weight", {1}, {1}}}), Contains("has no conv1.weight"));
    CHECK_THAT(refusal_of({{"blocks.0.attn.qkv.weight", {1}, {1}}}),
               Contains("no network that is known here, with keys such as 'blocks.0.attn.qkv.weight'"));
    CHECK_THAT(import_refusal(fixture("torch/training.pth.tar")), Contains("no network that is known here"));

    std::vector<Entry> entries = state_dict_of(small_network(Family::AfResNet));
    std::vector<Entry> backbone;
    for (const Entry &entry : entries) {
        if (entry.key.find("list_gen") == std::string::npos) backbone.push_back(entry);
    }
    CHECK_THAT(refusal_of(backbone), Contains("has no list_gen parameters (navigation)"));
    entry_of(entries, "fc.weight").key = "head.weight";
    CHECK_THAT(refusal_of(entries), Contains("has no fc.weight, so that the number of classes (fc or new_fc) is unknown"));
    entry_of(entries, "conv1.weight").shape = {};
    CHECK_THAT(refusal_of(entries), Contains("conv1.weight"));
}

TEST_CASE("import: class names", "[import]") {
    const ScratchFolder folder;
    const auto labels_refusal = [&](const std::string &text) {
        write_bytes(folder / "names.txt", text);
        return refusal([&] { read_labels(folder / "names.txt"); });
    };
    CHECK_THAT(labels_refusal("a\n\nb\n"), Contains("line 2 is empty"));
    CHECK_THAT(labels_refusal("a\n\xff\n"), Contains("line 2 is not UTF-8: '\\xff'"));
    CHECK_THAT(labels_refusal(""), Contains("no class names"));
    CHECK_THROWS_AS(read_labels(folder / "none.txt"), Error);
}

TEST_CASE("import: the command writes all or nothing", "[import]") {
    const ScratchFolder folder;
    std::vector<Entry> entries = state_dict_of(small_network(Family::AfResNet), 3, wrapped_key);
    write_bytes(folder / "good.pth", torch_file(entries, true));
    entries.pop_back();
    write_bytes(folder / "bad.pth", torch_file(entries));
    const std::string program = std::string(AFNET_PROGRAM) + " import --quiet --json ";
    const ProgramOutput good = output_of(program + (folder / "good.pth") + " " + (folder / "good.safetensors"));
    CHECK(good.status == 0);
    const auto json = nlohmann::json::parse(good.text);
    CHECK(json.at("model").at("name") == "af_resnet_2_2_2_2_w16");
    CHECK(json.at("model").at("frames") == 4);
    CHECK(json.at("shift_guessed") == true);
    CHECK(load_model(folder / "good.safetensors").description.classes == 5);
    const size_t files = folder.files();
    CHECK(output_of(program + (folder / "bad.pth") + " " + (folder / "bad.safetensors") + " 2>&1").status == 1);
    CHECK(output_of(program + (folder / "good.pth") + " x.safetensors --shift --no-shift 2>&1").status == 2);
    CHECK(output_of(program + (folder / "good.pth") + " x.safetensors --name a/b 2>&1").status == 2);
    CHECK(folder.files() == files);
}
