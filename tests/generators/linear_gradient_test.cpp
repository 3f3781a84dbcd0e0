// Fully connected layers and activations in training: forward in f64, gradients against plain loops and differences.
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/generators/kernel_run.h"
#include "tests/reference/head_gradients.h"

using namespace afnet;

namespace {

const std::vector<std::string> kActivations = {"linear", "relu", "sigmoid", "hsigmoid"};

Tensor4 scaled(Tensor4 tensor, double factor) {
    for (double &v : tensor.data)
        v *= factor;
    return tensor;
}

struct Layer {
    Tensor4 input, weights, bias, d_output;

    Layer(int inputs, int outputs, int frames)
        : input(random_frames(inputs, 1, 1, frames, "input")), weights(random_frames(outputs, 1, 1, inputs, "weights")),
          bias(random_frames(outputs, 1, 1, 1, "bias")), d_output(random_frames(outputs, 1, 1, frames, "d_output")) {}

    Tensor4 sum() const { return reference::linear_layer(input, weights, bias); }
    /// As the kernel is given it.
    Tensor4 output(const std::string &activation) const { return as_floats(reference::activated(activation, sum())); }
    reference::LinearGradient gradient(const std::string &activation) const {
        return reference::linear_gradient(activation, input, weights, bias, d_output);
    }
    /// The gradient's sums over absolute values.
    reference::LinearGradient magnitude() const {
        return reference::linear_gradient("linear", absolute(input), absolute(weights), absolute(bias),
                                          absolute(d_output));
    }
};

// The output is a float in either dtype, and sigmoid's slope follows from it.
double error(const Tensor4 &actual, const Tensor4 &expected, const Tensor4 &magnitude, int terms, Dtype dtype,
             const std::string &activation) {
    const double within = activation == "sigmoid" && dtype == Dtype::F64 ? std::ldexp(1.0, -24) / 1e-12 : 1;
    return training_error(actual, expected, magnitude, terms, dtype) / within;
}

void check(const std::string &activation, int inputs, int outputs, int frames) {
    const Layer layer(inputs, outputs, frames);
    const Tensor4 output = layer.output(activation), before = random_frames(inputs, 1, 1, frames, "before");
    const reference::LinearGradient expected = layer.gradient(activation), magnitude = layer.magnitude();
    for_training_targets([&](const Target &target, Dtype dtype) {
        INFO(activation << " of " << inputs << " to " << outputs << ", " << frames << " frames");
        const auto input_gradient = [&](bool accumulate) {
            KernelRun run(activated("linear_grad_input", activation.c_str()).set("accumulate", accumulate), target,
                          dtype);
            run.in("weights", layer.weights, 2).in("output", output, 2).in("d_output", layer.d_output, 2);
            if (accumulate) {
                run.in_place("d_input", "d_input_before", before, 2);
            } else {
                run.in("d_input_before", before, 2).out("d_input", inputs, 1, 1, frames, 2);
            }
            return run.run().at("d_input");
        };
        CHECK(error(input_gradient(false), expected.input, magnitude.input, outputs, dtype, activation) <= 1);
        if (activation == "relu") {
            CHECK(error(input_gradient(true), reference::add(expected.input, before),
                        reference::add(magnitude.input, absolute(before)), outputs, dtype, activation) <= 1);
        }
        const auto ours = KernelRun(activated("linear_grad_weights", activation.c_str()), target, dtype)
                              .in("input", layer.input, 2)
                              .in("output", output, 2)
                              .in("d_output", layer.d_output, 2)
                              .out("d_weights", outputs, 1, 1, inputs, 2)
                              .out("d_bias", outputs, 1, 1, 1, 1)
                              .run();
        CHECK(error(ours.at("d_weights"), expected.weights, magnitude.weights, frames, dtype, activation) <= 1);
        CHECK(error(ours.at("d_bias"), expected.bias, magnitude.bias, frames, dtype, activation) <= 1);
    });
}

// Away from the bends, where differences mean nothing.
Tensor4 activation_inputs(int channels, int frames) {
    Tensor4 values = scaled(random_frames(channels, 1, 1, frames, "values"), 5);
    for (double &v : values.data) {
        for (double bend : {-3.0, 0.0, 3.0})
            if (std::abs(v - bend) < 0.01) v += 0.02;
    }
    return as_floats(values);
}

} // namespace

TEST_CASE("gradients of linear layers of any size equal plain loops", "[linear_gradients]") {
    for (int outputs : {1, 2, 7, 8, 9, 16, 17, 33, 65}) {
        for (int inputs : {1, 3, 4, 5, 17, 64})
            check("linear", inputs, outputs, inputs % 2 ? 1 : 5);
    }
    check("linear", 130, 174, 16);
    check("linear", 19, 40, 9);
}

TEST_CASE("gradients of linear layers go through their activation", "[linear_gradients]") {
    for (const std::string &activation : kActivations) {
        check(activation, 40, 10, 3);
        check(activation, 5, 33, 8);
    }
}

TEST_CASE("the reference gradient of linear layers equals central differences", "[linear_gradients]") {
    for (const std::string &activation : kActivations) {
        INFO(activation);
        const Layer layer(5, 4, 3);
        const reference::LinearGradient gradient = layer.gradient(activation);
        const auto loss = [&](Tensor4 Layer::*varied) {
            return [&, varied](const Tensor4 &values) {
                Layer moved = layer;
                moved.*varied = values;
                return dot(reference::activated(activation, moved.sum()), layer.d_output);
            };
        };
        CHECK(difference_error(gradient.input, central_difference(loss(&Layer::input), layer.input)) < 1e-6);
        CHECK(difference_error(gradient.weights, central_difference(loss(&Layer::weights), layer.weights)) < 1e-6);
        CHECK(difference_error(gradient.bias, central_difference(loss(&Layer::bias), layer.bias)) < 1e-6);
    }
}

TEST_CASE("linear layers compute in double", "[linear_gradients]") {
    for (const char *activation : {"linear", "relu", "hswish", "sigmoid", "hsigmoid"}) {
        for (int outputs : {1, 9, 40}) {
            const Layer layer(17, outputs, 3);
            const Tensor4 expected = reference::activated(activation, layer.sum());
            for_training_targets([&](const Target &target, Dtype dtype) {
                const auto ours = KernelRun(activated("linear_forward", activation), target, dtype)
                                      .in("input", layer.input, 2)
                                      .in("weights", layer.weights, 2)
                                      .in("bias", layer.bias, 1)
                                      .out("output", outputs, 1, 1, 3, 2)
                                      .run();
                CHECK(training_error(ours.at("output"), expected, 17, dtype, 17) <= 1);
            });
        }
    }
}

TEST_CASE("activations by themselves, and their gradients", "[linear_gradients]") {
    for (const std::string activation : {"linear", "relu", "hswish", "sigmoid", "hsigmoid"}) {
        for (int channels : {1, 7, 17, 40}) {
            const Tensor4 input = activation_inputs(channels, 3),
                          d_output = random_frames(channels, 1, 1, 3, "d_output");
            Tensor4 expected = d_output;
            for (size_t i = 0; i < input.data.size(); i++)
                expected.data[i] *= reference::activation_slope(activation, input.data[i]);
            const Tensor4 differences = central_difference(
                [&](const Tensor4 &v) { return dot(reference::activated(activation, v), d_output); }, input);
            for_training_targets([&](const Target &target, Dtype dtype) {
                INFO(activation << ", " << channels << " channels");
                const auto forward = KernelRun(activated("activation_forward", activation.c_str()), target, dtype)
                                         .in("input", input, 2)
                                         .out("output", channels, 1, 1, 3, 2)
                                         .run();
                CHECK(training_error(forward.at("output"), reference::activated(activation, input), 4, dtype) <= 1);
                const auto backward = KernelRun(activated("activation_grad", activation.c_str()), target, dtype)
                                          .in("input", input, 2)
                                          .in("d_output", d_output, 2)
                                          .out("d_input", channels, 1, 1, 3, 2)
                                          .run();
                CHECK(training_error(backward.at("d_input"), expected, 4, dtype) <= 1);
                CHECK(difference_error(backward.at("d_input"), differences) < (dtype == Dtype::F64 ? 1e-8 : 1e-5));
            });
        }
    }
}

TEST_CASE("activations have the slopes of PyTorch where they bend, and no NaN far out", "[linear_gradients]") {
    Tensor4 input(8, 1, 1, 1), ones(8, 1, 1, 1);
    input.data = {0, -3, 3, -1e4, 1e4, -100, 100, 0};
    std::fill(ones.data.begin(), ones.data.end(), 1);
    const std::map<std::string, std::vector<double>> slopes = {{"relu", {0, 0, 1, 0, 1, 0, 1, 0}},
                                                               {"hswish", {0.5, 0, 1, 0, 1, 0, 1, 0.5}},
                                                               {"hsigmoid", {1 / 6.0, 0, 0, 0, 0, 0, 0, 1 / 6.0}}};
    for (const std::string activation : {"relu", "hswish", "hsigmoid", "sigmoid"}) {
        Tensor4 expected = ones;
        for (size_t i = 0; i < 8; i++) {
            expected.data[i] = slopes.count(activation) ? slopes.at(activation)[i]
                                                        : reference::activation_slope(activation, input.data[i]);
        }
        for_training_targets([&](const Target &target, Dtype dtype) {
            INFO(activation);
            const auto ours = KernelRun(activated("activation_grad", activation.c_str()), target, dtype)
                                  .in("input", input, 2)
                                  .in("d_output", ones, 2)
                                  .out("d_input", 8, 1, 1, 1, 2)
                                  .run();
            CHECK(training_error(ours.at("d_input"), expected, 4, dtype) <= 1);
        });
    }
}

TEST_CASE("dropout leaves out what is drawn below the rate and scales the rest", "[linear_gradients]") {
    for (int channels : {1, 17, 40}) {
        for (double rate : {0.0, 0.5, 0.8}) {
            const Tensor4 input = random_frames(channels, 1, 1, 3, "input");
            Tensor4 uniform = random_frames(channels, 1, 1, 3, "uniform"), expected = input;
            for (size_t i = 0; i < input.data.size(); i++) {
                uniform.data[i] = float(0.5 + 0.499 * uniform.data[i]);
                expected.data[i] = uniform.data[i] < rate ? 0 : input.data[i] / (1 - rate);
            }
            for_training_targets([&](const Target &target, Dtype dtype) {
                const auto ours = KernelRun(KernelSpec("dropout"), target, dtype)
                                      .in("input", input, 2)
                                      .in_floats("uniform", uniform, 2)
                                      .in("rate", rate)
                                      .out("output", channels, 1, 1, 3, 2)
                                      .run();
                CHECK(training_error(ours.at("output"), expected, 2, dtype) <= 1);
            });
        }
    }
}
