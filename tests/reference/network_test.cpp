// The reference networks against the vectors that the authors' network made (tests/golden), and against each other
// where their definitions say that they agree.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "model/recipe.h"
#include "tests/reference/golden_case.h"

namespace afnet::reference {

namespace {

constexpr double kGoldenTolerance = 2e-5; // of a tensor's largest magnitude: tests/golden/README.md

/// The largest difference as a fraction of the largest expected magnitude; infinite where the shapes differ.
double relative_difference(const NamedTensor &actual, const NamedTensor &expected) {
    if (actual.shape != expected.shape) return INFINITY;
    double difference = 0.0, magnitude = 0.0;
    for (size_t i = 0; i < expected.data.size(); i++) {
        difference = std::max(difference, std::abs(actual.data[i] - expected.data[i]));
        magnitude = std::max(magnitude, std::abs(expected.data[i]));
    }
    return magnitude == 0.0 ? difference : difference / magnitude;
}

void check_golden(const std::string &name) {
    const GoldenCase golden = load_golden_case(name);
    Outputs outputs =
        run_network(golden.config, recipe_lookup(golden.seed, golden.gain), recipe_input(golden.config, golden.seed));
    for (const auto &[tensor, expected] : golden.expected) {
        INFO(name << " " << tensor);
        CHECK(relative_difference(outputs[tensor], expected) <= kGoldenTolerance);
    }
    CHECK(outputs.size() == golden.expected.size());
}

/// A network small enough to be run often, on clips that are neither square nor multiples of 32.
NetworkConfig small_config(Architecture architecture) {
    NetworkConfig config;
    config.architecture = architecture;
    config.depths = {2, 3, 2, 2};
    config.base_width = 8;
    config.shift = true;
    config.classes = 5;
    config.frames = 3;
    config.batch = 2;
    config.width = 45;
    config.height = 37;
    return config;
}

Outputs run_small(const NetworkConfig &config) {
    return run_network(config, recipe_lookup(11, 1.0), recipe_input(config, 11));
}

std::vector<std::vector<double>> equal_masks(const NetworkConfig &config, double value) {
    const std::vector<double> mask(static_cast<size_t>(config.batch) * config.frames, value);
    return std::vector<std::vector<double>>(mask_count(config), mask);
}

} // namespace

TEST_CASE("the reference network equals the authors' network", "[reference]") {
    check_golden(GENERATE("r50_tsn_t8_s64", "r50_tsm_t8_s64_skip", "r50_tsm_t8_s64_b2", "mbv3_tsm_t8_s96"));
}

TEST_CASE("the reference network equals the authors' network on large cases", "[.][slow][reference]") {
    check_golden(GENERATE("r101_tsm_t8_s96", "r50_tsm_t12_s224", "r50_tsm_t12_s224_skip"));
}

TEST_CASE("small networks of every kind run on clips of any size", "[reference]") {
    const Architecture architecture =
        GENERATE(Architecture::ResNet, Architecture::AfResNet, Architecture::AfMobileNetV3);
    const NetworkConfig config = small_config(architecture);
    const Outputs outputs = run_small(config);
    CHECK(outputs.at("logits").shape == std::vector<int64_t>{6, 5});
    CHECK(outputs.at("clip_logits").shape == std::vector<int64_t>{2, 5});
    CHECK(outputs.count("masks") == (mask_count(config) > 0 ? 1 : 0));
    for (const auto &[name, tensor] : outputs)
        for (double v : tensor.data)
            REQUIRE(std::isfinite(v));
}

// With the second convolution's scale and offset at zero every block is its shortcut.
TEST_CASE("a network of basic blocks without branches is its shortcuts", "[reference]") {
    NetworkConfig config = small_config(Architecture::ResNet);
    config.basic_blocks = true;
    config.base_width = 16;
    const ParameterLookup drawn = recipe_lookup(11, 1.0);
    std::vector<float> zeroes;
    const Outputs outputs = run_network(
        config,
        [&](const std::string &key, const std::vector<int64_t> &shape) -> const std::vector<float> & {
            const bool silent = key.find(".bn2.weight") != std::string::npos || key.find(".bn2.bias") != std::string::npos;
            if (!silent) return drawn(key, shape);
            zeroes.assign(size_t(shape[0]), 0.0f);
            return zeroes;
        },
        recipe_input(config, 11));
    CHECK(relative_difference(outputs.at("mean.layer1"), outputs.at("mean.stem")) == 0.0);
    CHECK(outputs.at("mean.layer2").data != outputs.at("mean.layer1").data);
    CHECK(relative_difference(run_small(config).at("mean.layer1"), outputs.at("mean.stem")) > 0.1);
}

TEST_CASE("masked and skipped agree where every frame is selected, and only there", "[reference]") {
    NetworkConfig masked = small_config(GENERATE(Architecture::AfResNet, Architecture::AfMobileNetV3));
    const double value = GENERATE(1.0, 0.0);
    masked.forced_masks = equal_masks(masked, value);
    NetworkConfig skipped = masked;
    skipped.unselected = Unselected::Skipped;
    const double difference = relative_difference(run_small(masked).at("logits"), run_small(skipped).at("logits"));
    CHECK((difference == 0.0) == (value == 1.0));
}

TEST_CASE("a clip's results do not depend on the clips beside it", "[reference]") {
    NetworkConfig both = small_config(Architecture::AfResNet), first = both;
    first.batch = 1;
    const NamedTensor all = run_small(both).at("logits"), alone = run_small(first).at("logits");
    CHECK(std::equal(alone.data.begin(), alone.data.end(), all.data.begin()));
}

TEST_CASE("Gumbel noise changes masks but not margins", "[reference]") {
    NetworkConfig config = small_config(Architecture::AfResNet);
    const Outputs quiet = run_small(config);
    for (int k = 0; k < mask_count(config); k++)
        config.gumbel_uniforms.push_back(recipe_gumbel_uniform(k, 2 * config.batch * config.frames, 11));
    const Outputs noisy = run_small(config);
    CHECK(noisy.at("masks").data != quiet.at("masks").data);
    // The first module reads nothing that a mask has touched.
    const auto &before = quiet.at("gate_margin").data, &after = noisy.at("gate_margin").data;
    CHECK(std::equal(before.begin(), before.begin() + config.batch * config.frames, after.begin()));
}

TEST_CASE("a config that does not fit is refused", "[reference]") {
    NetworkConfig config = small_config(Architecture::AfResNet);
    const Tensor4 input = recipe_input(config, 11);
    config.forced_masks = {{1, 1, 1, 1, 1, 1}};
    CHECK_THROWS_AS(run_network(config, recipe_lookup(11, 1.0), input), Error);
    config.forced_masks.clear();
    config.depths[1] = 1;
    CHECK_THROWS_AS(run_network(config, recipe_lookup(11, 1.0), input), Error);
    config.depths[1] = 3;
    config.frames = 4;
    CHECK_THROWS_AS(run_network(config, recipe_lookup(11, 1.0), input), Error);
}

} // namespace afnet::reference
