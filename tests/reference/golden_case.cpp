#include "tests/reference/golden_case.h"

#include "model/recipe.h"
#include "runtime/json.h"
#include "runtime/safetensors.h"

// The build names the folder; a test that is run from the top of the source tree finds it by itself.
#ifndef AFNET_GOLDEN_DIR
#define AFNET_GOLDEN_DIR "tests/golden"
#endif

namespace afnet::reference {

namespace {

constexpr int kColours = 3;

void set_architecture(NetworkConfig &config, const std::string &name) {
    if (name == "resnet50" || name == "resnet101") {
        config.architecture = Architecture::AfResNet;
        config.depths = name == "resnet50" ? std::vector<int>{3, 4, 6, 3} : std::vector<int>{4, 8, 18, 3};
    } else {
        require(name == "mobilenetv3", "golden case: arch is resnet50, resnet101 or mobilenetv3");
        config.architecture = Architecture::AfMobileNetV3;
    }
}

NetworkConfig parse_config(const nlohmann::json &recipe) {
    NetworkConfig config;
    set_architecture(config, recipe.at("arch"));
    config.shift = recipe.at("shift");
    config.classes = recipe.at("classes");
    config.frames = recipe.at("frames");
    config.batch = recipe.at("batch");
    config.width = config.height = recipe.at("size");
    config.unselected = recipe.at("unselected") == "skipped" ? Unselected::Skipped : Unselected::Masked;
    return config;
}

} // namespace

GoldenCase load_golden_case(const std::string &name) {
    const SafetensorsFile file(std::string(AFNET_GOLDEN_DIR) + "/" + name + ".safetensors");
    const nlohmann::json recipe = nlohmann::json::parse(file.metadata().at("case"));
    require(!recipe.value("train", false), "golden case: an evaluation case");
    GoldenCase golden{parse_config(recipe), recipe.at("seed"), recipe.value("gain", 1.0), {}};
    for (const SafetensorsTensor &tensor : file.tensors())
        golden.expected[tensor.name] = {tensor.shape, to_doubles(tensor)};
    return golden;
}

ParameterLookup recipe_lookup(uint64_t seed, double gain) {
    return [=, current = std::vector<float>()](
               const std::string &key, const std::vector<int64_t> &shape) mutable -> const std::vector<float> & {
        return current = recipe_parameter(key, shape, seed, gain);
    };
}

Tensor4 recipe_input(const NetworkConfig &config, uint64_t seed) {
    const auto video = recipe_video(config.batch, config.frames, config.height, config.width, seed);
    return frames_from_video(video, kColours, config.width, config.height, config.batch * config.frames);
}

} // namespace afnet::reference
