// Batch normalisation in training, forward and backward, against its definition, against central differences, and the
// closed forms of its gradients against those that Halide derives.
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/generators/batch_norm_case.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"
#include "tests/normalization_cases.h"
#include "tests/reference/operators.h"

using namespace afnet;
using reference::Moments;

namespace {

const std::vector<Dtype> kDtypes = {Dtype::F32, Dtype::F64};

// One pixel, odd sizes, one frame; channels below, at and past vectors, and several vectors with a tail.
const std::vector<Shape> kShapes = {{1, 1, 1, 1},  {2, 1, 1, 4},  {3, 5, 3, 2},  {5, 1, 7, 1},  {8, 2, 2, 2},
                                    {16, 4, 4, 3}, {17, 7, 2, 2}, {64, 3, 3, 2}, {65, 2, 5, 1}, {130, 1, 2, 3}};

void check_statistics(const Shape &shape, double scale, double offset, Dtype dtype) {
    const Tensor4 input = numbers(shape, "input", scale, offset, dtype);
    const Moments expected = reference::moments(input);
    std::vector<double> mean_size, variance_size;
    for (int c = 0; c < shape.c; c++) {
        const double deviation = std::sqrt(expected.variance[size_t(c)]) + std::abs(scale);
        mean_size.push_back(std::abs(offset) + std::abs(scale));
        variance_size.push_back(deviation * (deviation + mean_size.back()));
    }
    for (const Target &target : runnable_targets(dtype)) {
        INFO(shape.c << "x" << shape.x << "x" << shape.y << "x" << shape.f << " about " << offset << " on "
                     << target.name << ", " << dtype_name(dtype));
        auto result = TrainingCall(KernelSpec("batch_norm_statistics"), dtype)
                          .in("input", input)
                          .out("mean", row(expected.mean))
                          .out("variance", row(expected.variance))
                          .run(target);
        CHECK(training_error(result["mean"], row(expected.mean), row(mean_size), dtype, shape.x + 4) <= 1);
        CHECK(training_error(result["variance"], row(expected.variance), row(variance_size), dtype, shape.x + 8) <= 1);
    }
}

void check_forward(const Shape &shape, const char *activation, bool add_residual, Dtype dtype) {
    const BatchNormCase test(shape, activation, add_residual, dtype);
    for (const Target &target : runnable_targets(dtype)) {
        INFO(activation << (add_residual ? " after a residual, " : ", ") << shape.c << "x" << shape.x << "x" << shape.y
                        << "x" << shape.f << " on " << target.name << ", " << dtype_name(dtype));
        auto result = test.call(KernelSpec("batch_norm_forward"), dtype)
                          .in("beta", row(test.layer.beta))
                          .out("output", test.output)
                          .run(target);
        CHECK(training_error(result["output"], reference::batch_norm_output(test.layer), output_size(test.layer), dtype,
                             16) <= 1);
    }
}

void check_sums(const Shape &shape, const char *activation, bool add_residual, Dtype dtype) {
    const BatchNormCase test(shape, activation, add_residual, dtype);
    const BatchNormGradients expected = reference::batch_norm_gradients(test.layer, test.d_output, false),
                             size = gradient_sizes(test, expected, false);
    for (const Target &target : runnable_targets(dtype)) {
        INFO(activation << (add_residual ? " after a residual, " : ", ") << shape.c << "x" << shape.x << "x" << shape.y
                        << "x" << shape.f << " on " << target.name << ", " << dtype_name(dtype));
        auto result = test.gradient(KernelSpec("batch_norm_grad_sums"), dtype)
                          .out("d_gamma", row(expected.gamma))
                          .out("d_beta", row(expected.beta))
                          .run(target);
        CHECK(training_error(result["d_gamma"], row(expected.gamma), row(size.gamma), dtype, shape.x + 16) <= 1);
        CHECK(training_error(result["d_beta"], row(expected.beta), row(size.beta), dtype, shape.x + 16) <= 1);
    }
}

void check_input_gradient(const Shape &shape, const char *activation, const std::string &residual_grad, bool frozen,
                          bool in_place, Dtype dtype) {
    const bool accumulate = residual_grad == "accumulate";
    const BatchNormCase test(shape, activation, residual_grad != "none", dtype);
    const BatchNormGradients expected = reference::batch_norm_gradients(test.layer, test.d_output, frozen),
                             size = gradient_sizes(test, expected, frozen);
    const Tensor4 before = numbers(shape, "before", 1, 0, dtype);
    Tensor4 residual = expected.before_activation, residual_size = size.before_activation;
    if (accumulate) residual = reference::add(residual, before);
    for (size_t i = 0; i < before.data.size(); i++)
        residual_size.data[i] += std::abs(before.data[i]);
    for (const Target &target : runnable_targets(dtype)) {
        INFO(activation << ", " << residual_grad << (frozen ? ", frozen, " : ", ") << shape.c << "x" << shape.x << "x"
                        << shape.y << "x" << shape.f << " on " << target.name << ", " << dtype_name(dtype));
        TrainingCall call = test.gradient(batch_norm_grad_input_spec(activation, residual_grad.c_str(), frozen), dtype);
        call.in("d_gamma", row(as_stored(expected.gamma, dtype))).in("d_beta", row(as_stored(expected.beta, dtype)));
        call.out("d_input", expected.input);
        if (residual_grad == "store") call.out("d_residual", residual);
        if (accumulate) call.updated("d_residual", before, in_place);
        auto result = call.run(target);
        CHECK(training_error(result["d_input"], expected.input, size.input, dtype, 24) <= 1);
        if (residual_grad == "none") continue;
        CHECK(training_error(result["d_residual"], residual, residual_size, dtype, 16) <= 1);
    }
}

// The gradients of one layer as networks get them: statistics, sums and input gradient, all by kernels.
BatchNormGradients gradients_by_kernels(const BatchNormCase &test, bool frozen, const Target &target,
                                        const char *derivation) {
    BatchNormGradients result = reference::batch_norm_gradients(test.layer, test.d_output, frozen);
    const KernelSpec sums = KernelSpec("batch_norm_grad_sums").set("derivation", derivation);
    auto parameters =
        test.gradient(derivation == std::string("closed") ? KernelSpec("batch_norm_grad_sums") : sums, Dtype::F64)
            .out("d_gamma", row(result.gamma))
            .out("d_beta", row(result.beta))
            .run(target);
    const char *residual_grad = test.layer.residual ? "store" : "none";
    KernelSpec spec = batch_norm_grad_input_spec(test.layer.activation.c_str(), residual_grad, frozen);
    if (derivation != std::string("closed")) spec.set("derivation", derivation);
    TrainingCall call = test.gradient(spec, Dtype::F64);
    call.in("d_gamma", parameters["d_gamma"]).in("d_beta", parameters["d_beta"]).out("d_input", result.input);
    if (test.layer.residual) call.out("d_residual", result.before_activation);
    auto gradients = call.run(target);
    result.gamma = parameters["d_gamma"].data;
    result.beta = parameters["d_beta"].data;
    result.input = gradients["d_input"];
    if (test.layer.residual) result.before_activation = gradients["d_residual"];
    return result;
}

// sum d_output output as a function of the layer; statistics follow the input unless frozen.
double loss(BatchNormLayer layer, const Tensor4 &d_output, bool frozen) {
    if (!frozen) layer.statistics = reference::moments(layer.input);
    const Tensor4 output = reference::batch_norm_output(layer);
    double sum = 0;
    for (size_t i = 0; i < output.data.size(); i++)
        sum += output.data[i] * d_output.data[i];
    return sum;
}

// The largest difference between `gradient` and central differences in the elements that `of` picks from a layer.
template <class Of>
double difference_error(const BatchNormCase &test, bool frozen, const std::vector<double> &gradient, const Of &of) {
    constexpr double kStep = 1e-5;
    double worst = 0;
    for (size_t i = 0; i < gradient.size(); i++) {
        BatchNormLayer more = test.layer, less = test.layer;
        of(more)[i] += kStep;
        of(less)[i] -= kStep;
        const double expected = (loss(more, test.d_output, frozen) - loss(less, test.d_output, frozen)) / (2 * kStep);
        worst = std::max(worst, std::abs(gradient[i] - expected));
    }
    return worst;
}

void check_differences(const char *activation, bool add_residual, bool frozen) {
    const BatchNormCase test({3, 3, 2, 2}, activation, add_residual, Dtype::F64);
    for (const Target &target : runnable_targets(Dtype::F64)) {
        INFO(activation << (add_residual ? " after a residual" : "") << (frozen ? ", frozen, on " : " on ")
                        << target.name);
        const BatchNormGradients d = gradients_by_kernels(test, frozen, target, "closed");
        using Layer = BatchNormLayer;
        CHECK(difference_error(
                  test, frozen, d.gamma, [](Layer & l) -> auto & { return l.gamma; }) < 1e-7);
        CHECK(difference_error(
                  test, frozen, d.beta, [](Layer & l) -> auto & { return l.beta; }) < 1e-7);
        CHECK(difference_error(
                  test, frozen, d.input.data, [](Layer & l) -> auto & { return l.input.data; }) < 1e-7);
    }
}

void check_closed_forms(const BatchNormCase &test, bool frozen, const Target &target) {
    const bool add_residual = test.layer.residual != nullptr;
    INFO(test.layer.activation << (add_residual ? " after a residual" : "") << (frozen ? ", frozen" : ""));
    const BatchNormGradients closed = gradients_by_kernels(test, frozen, target, "closed"),
                             derived = gradients_by_kernels(test, frozen, target, "adjoint"),
                             size = gradient_sizes(test, closed, frozen);
    CHECK(training_error(row(derived.gamma), row(closed.gamma), row(size.gamma), Dtype::F64, 0) <= 1);
    CHECK(training_error(row(derived.beta), row(closed.beta), row(size.beta), Dtype::F64, 0) <= 1);
    CHECK(training_error(derived.input, closed.input, size.input, Dtype::F64, 0) <= 1);
    if (!add_residual) return;
    CHECK(training_error(derived.before_activation, closed.before_activation, size.before_activation, Dtype::F64, 0) <=
          1);
}

} // namespace

TEST_CASE("statistics of a batch are those of the definition", "[batch_norm]") {
    for (const Dtype dtype : kDtypes) {
        for (const Shape &shape : kShapes)
            check_statistics(shape, 1, 0.3, dtype);
    }
}

TEST_CASE("a variance does not cancel where the mean is large", "[batch_norm]") {
    for (const Dtype dtype : kDtypes)
        check_statistics({19, 13, 11, 3}, 1, 1000, dtype);
}

TEST_CASE("normalised, activated and added as the definition says", "[batch_norm]") {
    for (const Dtype dtype : kDtypes) {
        for (const char *activation : {"linear", "relu", "hswish"}) {
            for (const bool add_residual : {false, true}) {
                for (const Shape &shape : kShapes)
                    check_forward(shape, activation, add_residual, dtype);
            }
        }
    }
}

TEST_CASE("running statistics move by the momentum, the variance unbiased", "[batch_norm]") {
    for (const Dtype dtype : kDtypes) {
        for (int count : {1, 2, 37}) {
            for (int size : {1, 5, 16, 17, 64}) {
                const Moments batch = {channels(size, "mean", 1, 0, dtype), channels(size, "variance", 0.5, 1, dtype)};
                const Moments before = {channels(size, "running", 1, 0, dtype),
                                        channels(size, "spread", 0.5, 1, dtype)};
                const Moments expected = reference::running_moments(before, batch, 0.1, count);
                for (const Target &target : runnable_targets(dtype)) {
                    for (const bool in_place : {false, true}) {
                        auto result =
                            TrainingCall(KernelSpec("batch_norm_running"), dtype)
                                .in("mean", row(batch.mean))
                                .in("variance", row(batch.variance))
                                .updated("running_mean_next", row(before.mean), in_place, "running_mean")
                                .updated("running_variance_next", row(before.variance), in_place, "running_variance")
                                .set("momentum", 0.1)
                                .set("count", count)
                                .run(target);
                        const Tensor4 size_of = row(std::vector<double>(size_t(size), 3));
                        CHECK(training_error(result["running_mean_next"], row(expected.mean), size_of, dtype, 2) <= 1);
                        CHECK(training_error(result["running_variance_next"], row(expected.variance), size_of, dtype,
                                             2) <= 1);
                    }
                }
            }
        }
    }
}

TEST_CASE("gradients of scale and offset are sums over the batch", "[batch_norm]") {
    for (const Dtype dtype : kDtypes) {
        for (const char *activation : {"linear", "relu", "hswish"}) {
            for (const bool add_residual : {false, true}) {
                for (const Shape &shape : kShapes)
                    check_sums(shape, activation, add_residual, dtype);
            }
        }
    }
}

TEST_CASE("the input's gradient goes through the statistics unless they are frozen", "[batch_norm]") {
    for (const Dtype dtype : kDtypes) {
        for (const char *activation : {"linear", "relu", "hswish"}) {
            for (const bool frozen : {false, true}) {
                for (const Shape &shape : kShapes) {
                    check_input_gradient(shape, activation, "none", frozen, false, dtype);
                    check_input_gradient(shape, activation, "store", frozen, false, dtype);
                    for (const bool in_place : {false, true})
                        check_input_gradient(shape, activation, "accumulate", frozen, in_place, dtype);
                }
            }
        }
    }
}

TEST_CASE("gradients of batch normalisation equal central differences", "[batch_norm]") {
    for (const char *activation : {"linear", "relu", "hswish"}) {
        for (const bool add_residual : {false, true}) {
            for (const bool frozen : {false, true})
                check_differences(activation, add_residual, frozen);
        }
    }
}

TEST_CASE("the closed forms equal the gradients that Halide derives", "[batch_norm]") {
    for (const char *activation : {"linear", "relu", "hswish"}) {
        for (const bool add_residual : {false, true}) {
            for (const bool frozen : {false, true}) {
                const BatchNormCase test({5, 3, 4, 2}, activation, add_residual, Dtype::F64);
                for (const Target &target : runnable_targets(Dtype::F64))
                    check_closed_forms(test, frozen, target);
            }
        }
    }
}
