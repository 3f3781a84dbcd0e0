// The masked temporal shift of training and its gradients against their definition, against central differences, and
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
    int c, x, y, frames, clips;
};

// Nothing to shift, one channel of eight, past a vector, whole vectors each way; one frame, one clip, several.
const std::vector<Shape> kShapes = {{1, 1, 1, 1, 1},  {7, 3, 2, 3, 1},  {8, 2, 3, 4, 2},   {9, 1, 5, 2, 3},
                                    {17, 5, 1, 3, 2}, {64, 3, 3, 4, 2}, {136, 2, 2, 1, 3}, {160, 1, 1, 5, 1}};

// A kernel's tensors, by definition.
struct Case {
    Case(const Shape &s, bool shift, bool masked, Dtype dtype) : shape(s), shift(shift), masked(masked) {
        const int frames = s.frames * s.clips;
        input = as_stored(random_frames(s.c, s.x, s.y, frames, "input"), dtype);
        before = as_stored(random_frames(s.c, s.x, s.y, frames, "before"), dtype);
        d_output = as_stored(random_frames(s.c, s.x, s.y, frames, "d_output"), dtype);
        // Masks are 0 or 1; soft ones are numbers between.
        mask = as_stored(random_frames(frames, 1, 1, 1, "mask"), dtype).data;
        for (size_t f = 0; f < mask.size(); f++)
            mask[f] = f % 3 == 1 ? 0 : f % 3 == 2 ? 1 : std::abs(mask[f]);
    }

    Tensor4 shifted(const Tensor4 &tensor) const {
        return shift ? reference::temporal_shift(tensor, shape.frames) : tensor;
    }
    Tensor4 output(const Tensor4 &in, const std::vector<double> &factor) const {
        return masked ? reference::scale_frames(shifted(in), factor) : shifted(in);
    }
    Tensor4 d_input() const {
        const Tensor4 d = masked ? reference::scale_frames(d_output, mask) : d_output;
        return shift ? reference::temporal_shift_gradient(d, shape.frames) : d;
    }
    std::vector<double> d_mask() const {
        return masked ? reference::frame_products(d_output, shifted(input)) : std::vector<double>(mask.size());
    }

    TrainingCall call(KernelSpec spec, Dtype dtype) const {
        TrainingCall call(spec.set("shift", shift).set("masked", masked), dtype);
        call.set("frames_per_clip", shape.frames);
        if (masked) call.in("mask", row(mask));
        return call;
    }

    TrainingCall gradient(KernelSpec spec, Dtype dtype) const {
        TrainingCall result = call(std::move(spec), dtype);
        if (masked) result.in("input", input);
        return result.in("d_output", d_output).out("d_mask", row(mask));
    }

    Shape shape;
    bool shift, masked;
    Tensor4 input, before, d_output;
    std::vector<double> mask;
};

std::string words(const Case &test, const Target &target, Dtype dtype) {
    return std::to_string(test.shape.c) + " channels, " + std::to_string(test.shape.clips) + " clips of " +
           std::to_string(test.shape.frames) + (test.shift ? ", shifted" : "") + (test.masked ? ", masked" : "") +
           " on " + target.name + ", " + dtype_name(dtype);
}

void check_forward(const Case &test, Dtype dtype) {
    const Tensor4 expected = test.output(test.input, test.mask);
    for (const Target &target : called_targets(dtype)) {
        INFO(words(test, target, dtype));
        auto result =
            test.call(KernelSpec("temporal_shift"), dtype).in("input", test.input).out("output", expected).run(target);
        CHECK(training_error(result["output"], expected, expected, dtype, 1) <= 1);
    }
}

void check_gradient(const Case &test, bool accumulate, bool in_place, Dtype dtype) {
    Tensor4 expected = test.d_input();
    if (accumulate) expected = reference::add(expected, test.before);
    Tensor4 size = expected;
    std::fill(size.data.begin(), size.data.end(), 2);
    std::vector<double> mask_size(test.mask.size(), double(test.shape.c) * test.shape.x * test.shape.y);
    for (const Target &target : runnable_targets(dtype)) {
        INFO(words(test, target, dtype) << (accumulate ? ", added" : "") << (in_place ? " in place" : ""));
        TrainingCall call = test.gradient(KernelSpec("temporal_shift_grad").set("accumulate", accumulate), dtype);
        if (accumulate) {
            call.updated("d_input", test.before, in_place);
        } else {
            call.out("d_input", expected);
        }
        auto result = call.run(target);
        CHECK(training_error(result["d_input"], expected, size, dtype, 2) <= 1);
        CHECK(training_error(result["d_mask"], row(test.d_mask()), row(mask_size), dtype, test.shape.x + 2) <= 1);
    }
}

template <class Check> void for_each_case(const Check &check) {
    for (const Dtype dtype : kDtypes) {
        for (const bool shift : {false, true}) {
            for (const bool masked : {false, true}) {
                for (const Shape &shape : kShapes)
                    check(Case(shape, shift, masked, dtype), dtype);
            }
        }
    }
}

} // namespace

TEST_CASE("frames are shifted within their clip, and masked", "[temporal_shift][gpu]") {
    for_each_case(check_forward);
}

TEST_CASE("gradients are shifted back, and masks get what their frame meets", "[temporal_shift]") {
    for_each_case([](const Case &test, Dtype dtype) {
        check_gradient(test, false, false, dtype);
        check_gradient(test, true, false, dtype);
        check_gradient(test, true, true, dtype);
    });
}

TEST_CASE("gradients of the shift equal those that Halide derives", "[temporal_shift]") {
    if (runnable_targets(Dtype::F64).empty()) return;
    const Target target = runnable_targets(Dtype::F64).back();
    for (const bool shift : {false, true}) {
        for (const bool masked : {false, true}) {
            const Case test({19, 3, 2, 3, 2}, shift, masked, Dtype::F64);
            INFO(words(test, target, Dtype::F64));
            const KernelSpec spec = KernelSpec("temporal_shift_grad").set("accumulate", false);
            auto closed = test.gradient(spec, Dtype::F64).out("d_input", test.input).run(target);
            KernelSpec adjoint = spec;
            adjoint.set("derivation", "adjoint");
            auto derived = test.gradient(adjoint, Dtype::F64).out("d_input", test.input).run(target);
            CHECK(derived["d_input"].data == closed["d_input"].data);
            const std::vector<double> size(test.mask.size(), 19 * 3 * 2);
            CHECK(training_error(derived["d_mask"], closed["d_mask"], row(size), Dtype::F64, 0) <= 1);
        }
    }
}

TEST_CASE("gradients of the shift equal central differences", "[temporal_shift]") {
    if (runnable_targets(Dtype::F64).empty()) return;
    constexpr double kStep = 1e-3; // the loss is linear in each
    const Case test({17, 2, 1, 3, 2}, true, true, Dtype::F64);
    const auto loss = [&](const Tensor4 &input, const std::vector<double> &mask) {
        const std::vector<double> products = reference::frame_products(test.d_output, test.output(input, mask));
        double sum = 0;
        for (double p : products)
            sum += p;
        return sum;
    };
    auto result = test.gradient(KernelSpec("temporal_shift_grad").set("accumulate", false), Dtype::F64)
                      .out("d_input", test.input)
                      .run(runnable_targets(Dtype::F64).back());
    for (size_t i = 0; i < test.input.data.size(); i++) {
        Tensor4 more = test.input, less = test.input;
        more.data[i] += kStep;
        less.data[i] -= kStep;
        const double expected = (loss(more, test.mask) - loss(less, test.mask)) / (2 * kStep);
        CHECK(result["d_input"].data[i] == Approx(expected).margin(1e-9));
    }
    for (size_t f = 0; f < test.mask.size(); f++) {
        std::vector<double> more = test.mask, less = test.mask;
        more[f] += kStep;
        less[f] -= kStep;
        const double expected = (loss(test.input, more) - loss(test.input, less)) / (2 * kStep);
        CHECK(result["d_mask"].data[f] == Approx(expected).margin(1e-9));
    }
}
