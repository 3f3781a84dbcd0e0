// The navigation module against its definition: logits within rounding, masks wherever rounding cannot decide.
#include <catch2/catch.hpp>
#include <cmath>

#include "model/recipe.h"
#include "tests/generators/layer.h"
#include "tests/kernel_call.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"
#include "tests/reference/selection.h"

using namespace afnet;

namespace {

constexpr double kUndecided = 1e-4;  // perturbed logits closer than this may fall either way

struct Module {
    int channels, clip_frames;
    reference::NavigationWeights weights;
    std::vector<float> pool_weights, pool_bias;  // with the BatchNorm folded in

    Module(int channels, int clip_frames, uint64_t seed = 5) : channels(channels), clip_frames(clip_frames) {
        const Weights recipe = recipe_weights(seed);
        const auto norm = [&](const char *name) { return recipe({std::string("bn") + name, {2}}); };
        weights.pool = recipe({"conv_pool.weight", {2, channels, 1, 1}});
        weights.batch_norm = {norm(".weight"), norm(".bias"), norm(".running_mean"), norm(".running_var")};
        weights.affine = recipe({"conv_gs.weight", {2 * clip_frames, 2, 1, 1}});
        weights.affine_bias = recipe({"conv_gs.bias", {2 * clip_frames}});
        pool_weights = folded_weights(recipe, "conv_pool", "bn", 2, channels, 1);
        pool_bias = folded_bias(recipe, "bn", 2);
    }

    // The sums of the logits over absolute values.
    Tensor4 magnitude(Tensor4 pooled) const {
        reference::NavigationWeights positive = weights;
        const auto make_positive = [](auto &values) {
            for (auto &v : values) v = std::abs(v);
        };
        const reference::ChannelAffine affine = reference::fold(weights.batch_norm);
        positive.batch_norm.mean = {0, 0};
        for (size_t k = 0; k < 2; k++) positive.batch_norm.beta[k] = float(affine.offset[k]);
        for (auto *values : {&positive.pool, &positive.batch_norm.beta, &positive.affine, &positive.affine_bias}) {
            make_positive(*values);
        }
        make_positive(pooled.data);
        return reference::navigation_logits(pooled, positive);
    }
};

struct Decision {
    Tensor4 logits;
    std::vector<int> mask;
};

// `uniforms` empty: no noise.
Decision decide(const Target &target, const Module &module, const Tensor4 &pooled,
                const std::vector<float> &uniforms) {
    const int frames = pooled.f, t = module.clip_frames;
    FloatBuffer logits(2, frames), uniform(2, frames);
    IntBuffer mask(frames);
    uniform.fill(0.5f);
    std::copy(uniforms.begin(), uniforms.end(), uniform.data());
    KernelCall(test_kernel_store(target).kernel(KernelSpec("navigation"), kTestLibrary))
        .bind("pooled", vectors(pooled))
        .bind("pool_weights", packed_buffer({{module.channels, 2}, module.pool_weights}))
        .bind("pool_bias", packed_buffer({{2}, module.pool_bias}))
        .bind("gate_weights", packed_buffer({{2, 2, t}, module.weights.affine}))
        .bind("gate_bias", packed_buffer({{2, t}, module.weights.affine_bias}))
        .bind("uniform", uniform)
        .set("stochastic", uniforms.empty() ? 0 : 1)
        .bind("logits", logits)
        .bind("mask", mask)
        .run();
    return {values_of(logits), std::vector<int>(mask.begin(), mask.end())};
}

// Weights [f, 1, 1, 1] of the soft variant.
Tensor4 weigh(const Target &target, const Module &module, const Tensor4 &pooled) {
    const int frames = pooled.f, t = module.clip_frames;
    FloatBuffer logits(2, frames), uniform(2, frames), mask(frames);
    uniform.fill(0.75f);
    KernelCall(test_kernel_store(target).kernel(KernelSpec("navigation").set("soft", true), kTestLibrary))
        .bind("pooled", vectors(pooled))
        .bind("pool_weights", packed_buffer({{module.channels, 2}, module.pool_weights}))
        .bind("pool_bias", packed_buffer({{2}, module.pool_bias}))
        .bind("gate_weights", packed_buffer({{2, 2, t}, module.weights.affine}))
        .bind("gate_bias", packed_buffer({{2, t}, module.weights.affine_bias}))
        .bind("uniform", uniform)
        .set("stochastic", 1)
        .bind("logits", logits)
        .bind("mask", mask)
        .run();
    Tensor4 weights(frames, 1, 1, 1);
    for (int f = 0; f < frames; f++) weights.at(f, 0, 0, 0) = mask(f);
    return weights;
}

// How many frames were too close to call.
int check(const Module &module, int clips, const std::vector<float> &uniforms) {
    const Tensor4 pooled = random_frames(module.channels, 1, 1, module.clip_frames * clips, "pooled");
    const Tensor4 expected = reference::navigation_logits(pooled, module.weights);
    const std::vector<double> noise = reference::gumbel_noise(uniforms);
    const reference::Gate gate = reference::select_frames(expected, noise);
    int undecided = 0;
    for (const Target &target : called_targets(Dtype::F32)) {
        INFO(module.channels << " channels, " << clips << " clips of " << module.clip_frames << " on " << target.name);
        const Decision ours = decide(target, module, pooled, uniforms);
        CHECK(rounding_error(ours.logits, expected, module.magnitude(pooled), module.channels + 4) <= 1);
        for (size_t f = 0; f < gate.mask.size(); f++) {
            const double noisy = gate.margin[f] + (noise.empty() ? 0 : noise[2 * f + 1] - noise[2 * f]);
            if (std::abs(noisy) < kUndecided) {
                undecided++;
            } else {
                CHECK(ours.mask[f] == int(gate.mask[f]));
            }
        }
    }
    return undecided;
}

}  // namespace

TEST_CASE("the navigation decides as defined, position by position in each clip", "[navigation][gpu]") {
    for (int channels : {1, 3, 15, 16, 17, 64, 257}) {
        for (int clip_frames : {1, 3, 8}) {
            for (int clips : {1, 2, 4}) CHECK(check(Module(channels, clip_frames), clips, {}) == 0);
        }
    }
}

TEST_CASE("soft weights are probabilities, without noise", "[navigation][gpu]") {
    for (int channels : {3, 17, 64}) {
        for (int clips : {1, 2}) {
            const Module module(channels, 5);
            const Tensor4 pooled = random_frames(channels, 1, 1, 5 * clips, "pooled");
            const Tensor4 logits = reference::navigation_logits(pooled, module.weights);
            const Tensor4 magnitude = module.magnitude(pooled);
            for (const Target &target : called_targets(Dtype::F32)) {
                INFO(channels << " channels, " << clips << " clips on " << target.name);
                const Tensor4 weights = weigh(target, module, pooled);
                for (int f = 0; f < pooled.f; f++) {
                    const double expected = reference::sigmoid(logits.at(1, 0, 0, f) - logits.at(0, 0, 0, f));
                    // The slope of the sigmoid is at most 1/4; its own rounding is a few units of 1.
                    const double sum = magnitude.at(0, 0, 0, f) + magnitude.at(1, 0, 0, f);
                    CHECK(std::abs(weights.at(f, 0, 0, 0) - expected) <= 6e-8 * ((channels + 4) * sum / 4 + 8));
                }
            }
        }
    }
}

TEST_CASE("Gumbel noise enters decisions, not logits", "[navigation][gpu]") {
    for (int channels : {5, 64}) {
        for (int clips : {1, 4}) {
            const Module module(channels, 16);
            const std::vector<float> uniforms = recipe_gumbel_uniform(2, size_t(2 * 16 * clips), 9);
            CHECK(check(module, clips, uniforms) == 0);
        }
    }
}

TEST_CASE("noise at the ends of its range is finite and overrules the logits", "[navigation][gpu]") {
    const Module module(8, 4);
    const Tensor4 pooled = random_frames(8, 1, 1, 4, "pooled");
    const float most = 1 - std::ldexp(1.0f, -24);
    for (const Target &target : called_targets(Dtype::F32)) {
        INFO(target.name);
        const Decision ours = decide(target, module, pooled, {0, most, most, 0, 0, most, most, 0});
        CHECK(ours.mask == std::vector<int>{1, 0, 1, 0});
    }
}

TEST_CASE("a tie leaves the frame out", "[navigation][gpu]") {
    Module module(8, 3);
    std::fill(module.weights.affine.begin(), module.weights.affine.end(), 0.0f);
    std::fill(module.weights.affine_bias.begin(), module.weights.affine_bias.end(), 0.25f);
    const Tensor4 pooled = random_frames(8, 1, 1, 6, "pooled");
    for (const Target &target : called_targets(Dtype::F32)) {
        INFO(target.name);
        CHECK(decide(target, module, pooled, {}).mask == std::vector<int>(6, 0));
        CHECK(decide(target, module, pooled, std::vector<float>(12, 0.0f)).mask == std::vector<int>(6, 0));
    }
}
