// The navigation module in training against plain loops and central differences of the soft mask.
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/generators/kernel_run.h"
#include "tests/reference/head_gradients.h"

using namespace afnet;
using reference::NavigationCase;

namespace {

NavigationCase navigation_case(int channels, int positions, int clips, bool given) {
    const int frames = positions * clips;
    NavigationCase in;
    in.pooled = random_frames(channels, 1, 1, frames, "pooled");
    in.pool_weights = random_frames(2, 1, 1, channels, "pool_weights");
    in.gamma = random_frames(2, 1, 1, 1, "gamma");
    in.beta = random_frames(2, 1, 1, 1, "beta");
    in.gate_weights = random_frames(2, 2, positions, 1, "gate_weights");
    in.gate_bias = random_frames(2, 1, 1, positions, "gate_bias");
    in.uniform = random_frames(2, 1, 1, frames, "uniform");
    in.given_mean = random_frames(2, 1, 1, 1, "given_mean");
    in.given_variance = absolute(random_frames(2, 1, 1, 1, "given_variance"));
    for (size_t j = 0; j < 2; j++) {
        in.gamma.data[j] = float(1.5 + in.gamma.data[j]);
        in.beta.data[j] = float(0.75 + in.beta.data[j] / 4); // z is positive for most frames
        in.given_variance.data[j] = float(0.5 + in.given_variance.data[j]);
    }
    for (double &u : in.uniform.data)
        u = float(0.5 + 0.499 * u);
    in.temperature = 0.75;
    in.statistics_given = given;
    return in;
}

void bind_inputs(KernelRun &run, const NavigationCase &in) {
    run.in("pooled", in.pooled, 2)
        .in("pool_weights", in.pool_weights, 2)
        .in("gamma", in.gamma, 1)
        .in("beta", in.beta, 1)
        .in("gate_weights", in.gate_weights, 3)
        .in("gate_bias", in.gate_bias, 2)
        .in("uniform", in.uniform, 2)
        .in("given_mean", in.given_mean, 1)
        .in("given_variance", in.given_variance, 1)
        .in("temperature", in.temperature)
        .in("statistics_given", in.statistics_given ? 1 : 0);
}

std::map<std::string, Tensor4> run_forward(const NavigationCase &in, const Target &target, Dtype dtype) {
    KernelRun run(KernelSpec("navigation_forward"), target, dtype);
    bind_inputs(run, in);
    const int frames = in.pooled.f;
    return run.out("projection", 2, 1, 1, frames, 2)
        .out("mean", 2, 1, 1, 1, 1)
        .out("variance", 2, 1, 1, 1, 1)
        .out("logits", 2, 1, 1, frames, 2)
        .out("soft", frames, 1, 1, 1, 1)
        .out("mask", frames, 1, 1, 1, 1)
        .run();
}

std::map<std::string, Tensor4> run_gradient(const NavigationCase &in, std::map<std::string, Tensor4> saved,
                                            const Tensor4 &d_mask, const Target &target, Dtype dtype) {
    KernelRun run(KernelSpec("navigation_grad"), target, dtype);
    bind_inputs(run, in);
    const int positions = in.gate_bias.f;
    return run.in("projection", saved["projection"], 2)
        .in("mean", saved["mean"], 1)
        .in("variance", saved["variance"], 1)
        .in("logits", saved["logits"], 2)
        .in("soft", saved["soft"], 1)
        .in("d_mask", d_mask, 1)
        .out("d_pooled", in.pooled.c, 1, 1, in.pooled.f, 2)
        .out("d_pool_weights", 2, 1, 1, in.pooled.c, 2)
        .out("d_gamma", 2, 1, 1, 1, 1)
        .out("d_beta", 2, 1, 1, 1, 1)
        .out("d_gate_weights", 2, 2, positions, 1, 3)
        .out("d_gate_bias", 2, 1, 1, positions, 2)
        .run();
}

// Rounding of the projection, divided by the batch's deviation and multiplied by the slope of the soft mask.
int terms_of(const NavigationCase &in) {
    return 8 * (in.pooled.c + in.pooled.f) + 64;
}

// Terms of this size cancel: with one channel, BatchNorm makes the mask independent of the weight's size.
constexpr double kLeast = 0.1;

void check(int channels, int positions, int clips, bool given) {
    const NavigationCase in = navigation_case(channels, positions, clips, given);
    const Tensor4 d_mask = random_frames(in.pooled.f, 1, 1, 1, "d_mask");
    const reference::NavigationState expected = reference::navigate(in);
    const reference::NavigationGradient gradient = reference::navigation_gradient(in, d_mask);
    for_training_targets([&](const Target &target, Dtype dtype) {
        INFO(channels << " channels, " << positions << " positions, " << clips << " clips, given " << given);
        const auto ours = run_forward(in, target, dtype);
        const int terms = terms_of(in);
        CHECK(training_error(ours.at("projection"), expected.projection, channels, dtype, 1) <= 1);
        CHECK(training_error(ours.at("mean"), expected.mean, terms, dtype, 1) <= 1);
        CHECK(training_error(ours.at("variance"), expected.variance, terms, dtype, 1) <= 1);
        CHECK(training_error(ours.at("logits"), expected.logits, terms, dtype, 1) <= 1);
        CHECK(training_error(ours.at("soft"), expected.soft, terms, dtype, 1) <= 1);
        for (size_t f = 0; f < expected.mask.data.size(); f++) {
            if (std::abs(expected.margin.data[f]) > 1e-4) CHECK(ours.at("mask").data[f] == expected.mask.data[f]);
        }
        const auto back = run_gradient(in, ours, d_mask, target, dtype);
        CHECK(training_error(back.at("d_pooled"), gradient.pooled, terms, dtype, kLeast) <= 1);
        CHECK(training_error(back.at("d_pool_weights"), gradient.pool_weights, terms, dtype, kLeast) <= 1);
        CHECK(training_error(back.at("d_gamma"), gradient.gamma, terms, dtype, kLeast) <= 1);
        CHECK(training_error(back.at("d_beta"), gradient.beta, terms, dtype, kLeast) <= 1);
        CHECK(training_error(back.at("d_gate_weights"), gradient.gate_weights, terms, dtype, kLeast) <= 1);
        CHECK(training_error(back.at("d_gate_bias"), gradient.gate_bias, terms, dtype, kLeast) <= 1);
    });
}

} // namespace

TEST_CASE("the navigation's masks and gradients equal plain loops", "[navigation_gradient]") {
    for (const bool given : {false, true}) {
        for (int channels : {1, 3, 16, 17, 40}) {
            for (const auto &[positions, clips] : std::vector<std::pair<int, int>>{{4, 2}, {8, 1}, {3, 5}})
                check(channels, positions, clips, given);
        }
    }
    check(257, 8, 4, false);
}

TEST_CASE("one frame, whose deviation is zero, has gradients", "[navigation_gradient]") {
    check(5, 1, 1, true);
    check(5, 1, 1, false);
    check(5, 1, 3, false);
}

TEST_CASE("the navigation's gradients equal central differences of the soft mask", "[navigation_gradient]") {
    for (const bool given : {false, true}) {
        INFO("given " << given);
        const NavigationCase in = navigation_case(5, 3, 4, given);
        const Tensor4 d_mask = random_frames(12, 1, 1, 1, "d_mask");
        const auto differences = [&](Tensor4 NavigationCase::*varied) {
            return central_difference(
                [&](const Tensor4 &values) {
                    NavigationCase moved = in;
                    moved.*varied = values;
                    return dot(reference::navigate(moved).soft, d_mask);
                },
                in.*varied);
        };
        for (const Target &target : runnable_targets(Dtype::F64)) {
            const auto back = run_gradient(in, run_forward(in, target, Dtype::F64), d_mask, target, Dtype::F64);
            CHECK(difference_error(back.at("d_pooled"), differences(&NavigationCase::pooled)) < 1e-6);
            CHECK(difference_error(back.at("d_pool_weights"), differences(&NavigationCase::pool_weights)) < 1e-6);
            CHECK(difference_error(back.at("d_gamma"), differences(&NavigationCase::gamma)) < 1e-6);
            CHECK(difference_error(back.at("d_beta"), differences(&NavigationCase::beta)) < 1e-6);
            CHECK(difference_error(back.at("d_gate_weights"), differences(&NavigationCase::gate_weights)) < 1e-6);
            CHECK(difference_error(back.at("d_gate_bias"), differences(&NavigationCase::gate_bias)) < 1e-6);
        }
    }
}

TEST_CASE("a tie leaves the frame out and still has a gradient", "[navigation_gradient]") {
    NavigationCase in = navigation_case(4, 2, 2, false);
    std::fill(in.gate_weights.data.begin(), in.gate_weights.data.end(), 0);
    std::fill(in.gate_bias.data.begin(), in.gate_bias.data.end(), 0.25);
    std::fill(in.uniform.data.begin(), in.uniform.data.end(), 0.5);
    Tensor4 ones(4, 1, 1, 1);
    std::fill(ones.data.begin(), ones.data.end(), 1);
    for_training_targets([&](const Target &target, Dtype dtype) {
        const auto ours = run_forward(in, target, dtype);
        CHECK(ours.at("mask").data == std::vector<double>(4, 0));
        CHECK(ours.at("soft").data == std::vector<double>(4, 0.5));
        const auto back = run_gradient(in, ours, ones, target, dtype);
        const double slope = 0.25 / in.temperature;
        Tensor4 expected(2, 1, 1, 2);
        expected.data = {-2 * slope, 2 * slope, -2 * slope, 2 * slope};
        CHECK(training_error(back.at("d_gate_bias"), expected, 4, dtype) <= 1);
    });
}

TEST_CASE("extreme logits and noise leave masks decided and gradients finite", "[navigation_gradient]") {
    for (double size : {1e4, -1e4}) {
        for (double temperature : {0.01, 0.67, 5.0}) {
            NavigationCase in = navigation_case(8, 4, 2, false);
            in.temperature = temperature;
            for (int t = 0; t < 4; t++)
                in.gate_bias.at(1, 0, 0, t) = size;
            for (size_t f = 0; f < 8; f++) {
                in.uniform.data[2 * f] = f % 2 ? 0 : 1 - std::ldexp(1.0, -24);
                in.uniform.data[2 * f + 1] = f % 3 ? 0 : 1 - std::ldexp(1.0, -24);
            }
            const Tensor4 d_mask = random_frames(8, 1, 1, 1, "d_mask");
            for_training_targets([&](const Target &target, Dtype dtype) {
                const auto ours = run_forward(in, target, dtype);
                CHECK(ours.at("mask").data == std::vector<double>(8, size > 0));
                CHECK(ours.at("soft").data == std::vector<double>(8, size > 0));
                for (const auto &[name, values] : run_gradient(in, ours, d_mask, target, dtype)) {
                    INFO(name);
                    for (double v : values.data)
                        CHECK(std::isfinite(v));
                }
            });
        }
    }
}
