// Optimiser steps against their definition, in place and not, over several steps; and what they need of a gradient.
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/generators/training_call.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"
#include "tests/normalization_cases.h"
#include "tests/reference/optimizer.h"

using namespace afnet;
using reference::Vector;

namespace {

const std::vector<Dtype> kDtypes = {Dtype::F32, Dtype::F64};

// Around vectors and around blocks, which tasks are.
const std::vector<int> kSizes = {1, 3, 16, 17, 2047, 2048, 2049, 5000};

Vector numbers(int count, const std::string &name, Dtype dtype, uint64_t seed = 1) {
    return as_stored(random_frames(count, 1, 1, 1, name, seed), dtype).data;
}

Tensor4 sizes(int count, double size) {
    return row(Vector(size_t(count), size));
}

void check_sgd(int count, const reference::SgdSettings &s, bool in_place, Dtype dtype) {
    constexpr double kScale = 0.5;
    for (const Target &target : runnable_targets(dtype)) {
        INFO(count << " elements" << (s.nesterov ? ", Nesterov" : "") << (in_place ? ", in place" : "") << " on "
                   << target.name << ", " << dtype_name(dtype));
        Vector parameter = numbers(count, "parameter", dtype), momentum = numbers(count, "momentum", dtype);
        Tensor4 actual = row(parameter), actual_momentum = row(momentum);
        for (int step = 1; step <= 3; step++) {
            Vector gradient = numbers(count, "gradient", dtype, uint64_t(step));
            auto result = TrainingCall(KernelSpec("sgd_step"), dtype)
                              .updated("parameter", actual, in_place)
                              .updated("momentum", actual_momentum, in_place)
                              .in("gradient", row(gradient))
                              .set("rate", s.rate)
                              .set("decay", s.decay)
                              .set("momentum_factor", s.momentum)
                              .set("nesterov", int(s.nesterov))
                              .set("scale", kScale)
                              .run(target);
            actual = result["parameter"];
            actual_momentum = result["momentum"];
            for (double &g : gradient)
                g *= kScale;
            reference::sgd_step(s, gradient, parameter, momentum);
        }
        CHECK(training_error(actual, row(parameter), sizes(count, 3), dtype, 10) <= 1);
        CHECK(training_error(actual_momentum, row(momentum), sizes(count, 3), dtype, 10) <= 1);
    }
}

void check_adam(int count, const reference::AdamSettings &s, bool in_place, Dtype dtype) {
    constexpr double kScale = 0.25;
    for (const Target &target : runnable_targets(dtype)) {
        INFO(count << " elements" << (s.decoupled ? ", decoupled" : "") << (in_place ? ", in place" : "") << " on "
                   << target.name << ", " << dtype_name(dtype));
        Vector parameter = numbers(count, "parameter", dtype), first(parameter.size()), second(parameter.size());
        Tensor4 actual = row(parameter), actual_first = row(first), actual_second = row(second);
        for (int step = 1; step <= 3; step++) {
            Vector gradient = numbers(count, "gradient", dtype, uint64_t(step));
            auto result = TrainingCall(KernelSpec("adam_step"), dtype)
                              .updated("parameter", actual, in_place)
                              .updated("first", actual_first, in_place)
                              .updated("second", actual_second, in_place)
                              .in("gradient", row(gradient))
                              .set("rate", s.rate)
                              .set("decay", s.decay)
                              .set("beta1", s.beta1)
                              .set("beta2", s.beta2)
                              .set("epsilon", s.epsilon)
                              .set("step", step)
                              .set("decoupled", int(s.decoupled))
                              .set("scale", kScale)
                              .run(target);
            actual = result["parameter"];
            actual_first = result["first"];
            actual_second = result["second"];
            for (double &g : gradient)
                g *= kScale;
            reference::adam_step(s, step, gradient, parameter, first, second);
        }
        CHECK(training_error(actual, row(parameter), sizes(count, 2), dtype, 10) <= 1);
        CHECK(training_error(actual_first, row(first), sizes(count, 1), dtype, 10) <= 1);
        CHECK(training_error(actual_second, row(second), sizes(count, 1), dtype, 10) <= 1);
    }
}

} // namespace

TEST_CASE("a step of SGD is PyTorch's", "[optimizer]") {
    for (const Dtype dtype : kDtypes) {
        for (int count : kSizes) {
            for (const bool in_place : {false, true}) {
                check_sgd(count, {0.1, 5e-4, 0.9, false}, in_place, dtype);
                check_sgd(count, {0.1, 0.01, 0.9, true}, in_place, dtype);
            }
        }
    }
}

TEST_CASE("a step of Adam and of AdamW is PyTorch's", "[optimizer]") {
    for (const Dtype dtype : kDtypes) {
        for (int count : kSizes) {
            for (const bool in_place : {false, true}) {
                // An epsilon that a small gradient does not drown in: there the step is ill-conditioned.
                check_adam(count, {0.01, 0.05, 0.9, 0.999, 1e-3, false}, in_place, dtype);
                check_adam(count, {0.01, 0.05, 0.9, 0.999, 1e-3, true}, in_place, dtype);
            }
        }
    }
}

TEST_CASE("a moving average moves", "[optimizer]") {
    for (const Dtype dtype : kDtypes) {
        for (int count : kSizes) {
            const Vector average = numbers(count, "average", dtype), parameter = numbers(count, "parameter", dtype);
            Vector expected = average;
            for (size_t i = 0; i < expected.size(); i++)
                expected[i] = 0.99 * average[i] + (1 - 0.99) * parameter[i];
            for (const Target &target : runnable_targets(dtype)) {
                for (const bool in_place : {false, true}) {
                    auto result = TrainingCall(KernelSpec("average_step"), dtype)
                                      .updated("average", row(average), in_place)
                                      .in("parameter", row(parameter))
                                      .set("decay", 0.99)
                                      .run(target);
                    CHECK(training_error(result["average"], row(expected), sizes(count, 1), dtype, 3) <= 1);
                }
            }
        }
    }
}

TEST_CASE("a tensor is added to another", "[optimizer]") {
    for (const Dtype dtype : kDtypes) {
        for (int count : kSizes) {
            const Vector input = numbers(count, "input", dtype), before = numbers(count, "before", dtype);
            Vector expected = before;
            for (size_t i = 0; i < expected.size(); i++)
                expected[i] += input[i];
            for (const Target &target : runnable_targets(dtype)) {
                for (const bool in_place : {false, true}) {
                    auto result = TrainingCall(KernelSpec("add_into"), dtype)
                                      .updated("output", row(before), in_place)
                                      .in("input", row(input))
                                      .run(target);
                    CHECK(result["output"].data == as_stored(expected, dtype));
                }
            }
        }
    }
}

TEST_CASE("a gradient's squared norm has the same bits on all targets", "[optimizer]") {
    for (const Dtype dtype : kDtypes) {
        for (int count : {1, 15, 17, 4095, 4096, 4097, 100003}) {
            const Vector gradient = numbers(count, "gradient", dtype);
            double expected = 0;
            for (double g : gradient)
                expected += g * g;
            std::vector<double> norms;
            for (const Target &target : runnable_targets(dtype)) {
                INFO(count << " elements on " << target.name << ", " << dtype_name(dtype));
                auto result = TrainingCall(KernelSpec("squared_norm"), dtype)
                                  .in("gradient", row(gradient))
                                  .out("norm", row({0}))
                                  .run(target);
                norms.push_back(result["norm"].data[0]);
                CHECK(norms.back() == Approx(expected).epsilon(1e-12));
                CHECK(norms.back() == norms.front());
            }
        }
    }
}
