// Pools in training: which element won a maximum, and the gradients of both pools, against their definitions and
// against what Halide derives.
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/generators/training_call.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"
#include "tests/normalization_cases.h"
#include "tests/reference/operators.h"
#include "tests/reference/pooling_gradients.h"

using namespace afnet;

namespace {

const std::vector<Dtype> kDtypes = {Dtype::F32, Dtype::F64};

struct Shape {
    int c, x, y, f;
};

// One pixel, odd and even sizes, one frame; channels below, at and past vectors.
const std::vector<Shape> kShapes = {{1, 1, 1, 1},  {2, 2, 2, 3},  {3, 1, 6, 2},  {5, 7, 1, 1},  {8, 4, 5, 2},
                                    {16, 5, 4, 1}, {17, 3, 3, 2}, {33, 8, 8, 1}, {64, 6, 7, 2}, {65, 2, 3, 1}};

Tensor4 numbers(const Shape &shape, const std::string &name, Dtype dtype) {
    return as_stored(random_frames(shape.c, shape.x, shape.y, shape.f, name), dtype);
}

Tensor4 absolute(Tensor4 tensor) {
    for (double &v : tensor.data)
        v = std::abs(v);
    return tensor;
}

// What ReLU leaves: half the elements are 0, and others tie too.
Tensor4 with_ties(Tensor4 tensor) {
    for (double &v : tensor.data)
        v = std::max(0.0, std::round(4 * v) / 4);
    return tensor;
}

Tensor4 as_tensor(const std::vector<uint8_t> &index, const Tensor4 &shape) {
    Tensor4 tensor = shape;
    std::copy(index.begin(), index.end(), tensor.data.begin());
    return tensor;
}

void check_max_pool(const Tensor4 &input, Dtype dtype) {
    const Tensor4 expected = reference::max_pool(input);
    const Tensor4 index = as_tensor(reference::max_pool_index(input), expected);
    for (const Target &target : runnable_targets(dtype)) {
        INFO(input.c << "x" << input.x << "x" << input.y << "x" << input.f << " on " << target.name << ", "
                     << dtype_name(dtype));
        auto result = TrainingCall(KernelSpec("max_pool_forward"), dtype)
                          .in("input", input)
                          .out("output", expected)
                          .out("index", index)
                          .run(target);
        CHECK(result["output"].data == expected.data);
        CHECK(result["index"].data == index.data);
    }
}

// The call of a pool's gradient, without what the pools differ in.
TrainingCall gradient_call(const char *generator, const Tensor4 &d_output, const Tensor4 &before, bool accumulate,
                           bool in_place, Dtype dtype) {
    TrainingCall call(KernelSpec(generator).set("accumulate", accumulate), dtype);
    call.in("d_output", d_output);
    return accumulate ? call.updated("d_input", before, in_place) : call.out("d_input", before);
}

void check_gradients(const Shape &shape, bool accumulate, bool in_place, Dtype dtype) {
    const Tensor4 input = with_ties(numbers(shape, "input", dtype)), before = numbers(shape, "before", dtype);
    const Tensor4 pooled = reference::max_pool(input);
    const Tensor4 d_output = numbers({pooled.c, pooled.x, pooled.y, pooled.f}, "d_output", dtype);
    const std::vector<uint8_t> index = reference::max_pool_index(input);
    const auto completed = [&](Tensor4 gradient) {
        return accumulate ? reference::add(std::move(gradient), before) : gradient;
    };
    const Tensor4 largest = completed(reference::max_pool_gradient(d_output, index, shape.x, shape.y));
    const Tensor4 average = completed(reference::average_pool_gradient(d_output, shape.x, shape.y));
    Tensor4 size = reference::add(reference::max_pool_gradient(absolute(d_output), index, shape.x, shape.y),
                                  reference::average_pool_gradient(absolute(d_output), shape.x, shape.y));
    if (accumulate) size = reference::add(size, absolute(before));
    for (const Target &target : runnable_targets(dtype)) {
        INFO(shape.c << "x" << shape.x << "x" << shape.y << "x" << shape.f << " on " << target.name << ", "
                     << dtype_name(dtype) << (accumulate ? ", added" : "") << (in_place ? " in place" : ""));
        auto result = gradient_call("max_pool_grad", d_output, before, accumulate, in_place, dtype)
                          .in("index", as_tensor(index, pooled))
                          .run(target);
        CHECK(training_error(result["d_input"], largest, size, dtype, 5) <= 1);
        result = gradient_call("avg_pool_grad", d_output, before, accumulate, in_place, dtype).run(target);
        CHECK(training_error(result["d_input"], average, size, dtype, 7) <= 1);
    }
}

double loss(const Tensor4 &pooled, const Tensor4 &weights) {
    double sum = 0;
    for (size_t i = 0; i < pooled.data.size(); i++)
        sum += pooled.data[i] * weights.data[i];
    return sum;
}

} // namespace

TEST_CASE("a maximum knows the first of the largest, as PyTorch does", "[pooling_gradients]") {
    for (const Dtype dtype : kDtypes) {
        for (const Shape &shape : kShapes) {
            Tensor4 input = numbers(shape, "input", dtype);
            check_max_pool(input, dtype);
            check_max_pool(with_ties(input), dtype);
            std::fill(input.data.begin(), input.data.end(), -3); // below what padding would be
            check_max_pool(input, dtype);
        }
    }
}

TEST_CASE("an average of doubles is one", "[pooling_gradients]") {
    for (const Shape &shape : kShapes) {
        const Tensor4 input = numbers(shape, "input", Dtype::F64), expected = reference::average_pool(input);
        for (const Target &target : runnable_targets(Dtype::F64)) {
            auto result =
                TrainingCall(KernelSpec("avg_pool"), Dtype::F64).in("input", input).out("output", expected).run(target);
            CHECK(training_error(result["output"], expected, reference::average_pool(absolute(input)), Dtype::F64, 0) <=
                  1);
        }
    }
}

TEST_CASE("gradients of pools go to what was pooled", "[pooling_gradients]") {
    for (const Dtype dtype : kDtypes) {
        for (const Shape &shape : kShapes) {
            check_gradients(shape, false, false, dtype);
            check_gradients(shape, true, false, dtype);
            check_gradients(shape, true, true, dtype);
        }
    }
}

TEST_CASE("gradients of pools equal those that Halide derives", "[pooling_gradients]") {
    if (runnable_targets(Dtype::F64).empty()) return;
    const Target target = runnable_targets(Dtype::F64).back();
    for (const Shape &shape : {Shape{3, 5, 4, 2}, Shape{17, 1, 1, 1}, Shape{4, 7, 6, 1}}) {
        const Tensor4 input = with_ties(numbers(shape, "input", Dtype::F64)), pooled = reference::max_pool(input);
        const Tensor4 d_output = numbers({pooled.c, pooled.x, pooled.y, pooled.f}, "d_output", Dtype::F64);
        for (const char *generator : {"max_pool_grad", "avg_pool_grad"}) {
            std::vector<Tensor4> results;
            for (const bool derived : {false, true}) {
                KernelSpec spec = KernelSpec(generator).set("accumulate", false);
                if (derived) spec.set("derivation", "adjoint");
                TrainingCall call(spec, Dtype::F64);
                if (generator == std::string("max_pool_grad"))
                    call.in("index", as_tensor(reference::max_pool_index(input), pooled));
                results.push_back(call.in("d_output", d_output).out("d_input", input).run(target)["d_input"]);
            }
            INFO(generator << " of " << shape.x << "x" << shape.y);
            Tensor4 size = input;
            std::fill(size.data.begin(), size.data.end(), 1);
            CHECK(training_error(results[1], results[0], size, Dtype::F64, 0) <= 1);
        }
    }
}

TEST_CASE("gradients of pools equal central differences", "[pooling_gradients]") {
    if (runnable_targets(Dtype::F64).empty()) return;
    constexpr double kStep = 1e-4;
    const Shape shape = {3, 5, 4, 2};
    const Tensor4 input = numbers(shape, "input", Dtype::F64), pooled = reference::max_pool(input);
    const Tensor4 d_output = numbers({pooled.c, pooled.x, pooled.y, pooled.f}, "d_output", Dtype::F64);
    const Target target = runnable_targets(Dtype::F64).back();
    const Tensor4 largest = TrainingCall(KernelSpec("max_pool_grad").set("accumulate", false), Dtype::F64)
                                .in("d_output", d_output)
                                .in("index", as_tensor(reference::max_pool_index(input), pooled))
                                .out("d_input", input)
                                .run(target)["d_input"];
    const Tensor4 average = TrainingCall(KernelSpec("avg_pool_grad").set("accumulate", false), Dtype::F64)
                                .in("d_output", d_output)
                                .out("d_input", input)
                                .run(target)["d_input"];
    for (size_t i = 0; i < input.data.size(); i++) {
        Tensor4 more = input, less = input;
        more.data[i] += kStep;
        less.data[i] -= kStep;
        const auto difference = [&](const auto &pool) {
            return (loss(pool(more), d_output) - loss(pool(less), d_output)) / (2 * kStep);
        };
        CHECK(difference(reference::max_pool) == Approx(largest.data[i]).margin(1e-9));
        CHECK(difference(reference::average_pool) == Approx(average.data[i]).margin(1e-9));
    }
}
