// What makes spatial masks in training and what they do, against plain loops and central differences: maps of one
// pixel, grids that divide them or not or are finer than they are, odd channels, no frame and all frames selected.
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/generators/kernel_run.h"
#include "tests/reference/spatial_training.h"
#include "tests/spatial_training_cases.h"

using namespace afnet;
using reference::SpatialGateCase;

namespace {

struct Shape {
    int c, x, y, columns, rows, frames;
};

const std::vector<Shape> kShapes = {{1, 1, 1, 1, 1, 1},  {4, 7, 7, 7, 7, 2},   {4, 12, 6, 7, 7, 3}, {5, 3, 2, 7, 5, 2},
                                    {17, 8, 9, 4, 4, 1}, {40, 13, 5, 3, 2, 2}, {3, 1, 9, 2, 4, 4}};

std::string text_of(const Shape &s) {
    return std::to_string(s.c) + " channels, " + std::to_string(s.x) + "x" + std::to_string(s.y) + ", grid " +
           std::to_string(s.columns) + "x" + std::to_string(s.rows) + ", " + std::to_string(s.frames) + " frames";
}

KernelRun kernel(const KernelSpec &spec, const Target &target, Dtype dtype) {
    return KernelRun(spec, target, dtype, kSpatialTrainingLibrary);
}

// [1, i, j, f] as the kernels take it, [i, j, f], and back.
Tensor4 bound(const Tensor4 &patches) {
    Tensor4 result(patches.x, patches.y, patches.f, 1);
    result.data = patches.data;
    return result;
}

Tensor4 bound_frames(const Tensor4 &frames) {
    Tensor4 result(frames.f, 1, 1, 1);
    result.data = frames.data;
    return result;
}

// Zeros and ones, both at least where there are two.
Tensor4 random_mask(int columns, int rows, int frames, const std::string &name) {
    Tensor4 mask = random_frames(1, columns, rows, frames, name);
    for (double &m : mask.data)
        m = m > 0;
    if (mask.data.size() > 1) mask.data[0] = 1 - (mask.data[1] = 1);
    return mask;
}

SpatialGateCase gate_case(const Shape &s) {
    SpatialGateCase in;
    in.pooled = absolute(random_frames(s.c, s.columns, s.rows, s.frames, "pooled"));
    in.weights = random_frames(2, 1, 1, s.c, "weights");
    in.bias = random_frames(2, 1, 1, 1, "bias");
    in.uniform = random_frames(2, s.columns, s.rows, s.frames, "uniform");
    for (double &u : in.uniform.data)
        u = float(0.5 + 0.499 * u);
    in.temperature = 0.75;
    return in;
}

void bind_gate(KernelRun &run, const SpatialGateCase &in) {
    run.in("pooled", in.pooled, 4)
        .in("weights", in.weights, 2)
        .in("bias", in.bias, 1)
        .in("uniform", in.uniform, 4)
        .in("temperature", in.temperature);
}

std::map<std::string, Tensor4> gate_gradient(const SpatialGateCase &in, const Tensor4 &d_mask, const Target &target,
                                             Dtype dtype) {
    KernelRun run = kernel(KernelSpec("spatial_gate_grad"), target, dtype);
    bind_gate(run, in);
    return run.in("d_mask", bound(d_mask), 3)
        .out("d_pooled", in.pooled.c, in.pooled.x, in.pooled.y, in.pooled.f, 4)
        .out("d_weights", 2, 1, 1, in.pooled.c, 2)
        .out("d_bias", 2, 1, 1, 1, 1)
        .run();
}

// A map, its mask, and what comes back.
struct Product {
    explicit Product(const Shape &s)
        : input(random_frames(s.c, s.x, s.y, s.frames, "input")),
          d_output(random_frames(s.c, s.x, s.y, s.frames, "d_output")),
          before(random_frames(s.c, s.x, s.y, s.frames, "before")),
          patches(random_mask(s.columns, s.rows, s.frames, "patches")),
          patches_before(random_frames(1, s.columns, s.rows, s.frames, "patches_before")),
          frames(random_mask(1, 1, s.frames, "frames")) {}

    std::map<std::string, Tensor4> gradient(bool framed, bool accumulate, bool accumulate_mask, const Target &target,
                                            Dtype dtype) const {
        KernelRun run = kernel(mask_patches_grad_spec(framed, accumulate, accumulate_mask), target, dtype);
        run.in("input", input, 4).in("patches", bound(patches), 3).in("frames", bound_frames(frames), 1);
        run.in("d_output", d_output, 4).out("d_frames", input.f, 1, 1, 1, 1);
        if (accumulate) {
            run.in_place("d_input", "d_input_before", before, 4);
        } else {
            run.in("d_input_before", before, 4).out("d_input", input.c, input.x, input.y, input.f, 4);
        }
        if (accumulate_mask) {
            run.in_place("d_patches", "d_patches_before", bound(patches_before), 3);
        } else {
            run.in("d_patches_before", bound(patches_before), 3);
            run.out("d_patches", patches.x, patches.y, patches.f, 1, 3);
        }
        return run.run();
    }

    Tensor4 input, d_output, before, patches, patches_before, frames;
};

} // namespace

TEST_CASE("pooling to a grid averages the windows of an adaptive pool", "[spatial_training]") {
    for (const Shape &s : kShapes) {
        INFO(text_of(s));
        const Tensor4 input = random_frames(s.c, s.x, s.y, s.frames, "input");
        const Tensor4 expected = reference::grid_pool(input, s.columns, s.rows);
        const Tensor4 size = reference::grid_pool(absolute(input), s.columns, s.rows);
        const Tensor4 d_output = random_frames(s.c, s.columns, s.rows, s.frames, "d_output");
        const Tensor4 gradient = reference::grid_pool_gradient(d_output, s.x, s.y);
        const Tensor4 gradient_size = reference::grid_pool_gradient(absolute(d_output), s.x, s.y);
        for_training_targets([&](const Target &target, Dtype dtype) {
            KernelRun forward = kernel(KernelSpec("grid_pool"), target, dtype);
            forward.in("input", input, 4).out("output", s.c, s.columns, s.rows, s.frames, 4);
            CHECK(training_error(forward.run().at("output"), expected, size, s.x * s.y, dtype) <= 1);
            KernelRun back = kernel(KernelSpec("grid_pool_grad"), target, dtype);
            back.in("d_output", d_output, 4).out("d_input", s.c, s.x, s.y, s.frames, 4);
            CHECK(training_error(back.run().at("d_input"), gradient, gradient_size, s.columns * s.rows, dtype) <= 1);
        });
    }
}

TEST_CASE("the gradient of pooling to a grid equals central differences", "[spatial_training]") {
    for (const Shape &s : {Shape{2, 5, 4, 3, 3, 1}, Shape{1, 2, 3, 4, 2, 2}}) {
        const Tensor4 input = random_frames(s.c, s.x, s.y, s.frames, "input");
        const Tensor4 d_output = random_frames(s.c, s.columns, s.rows, s.frames, "d_output");
        const Tensor4 differences = central_difference(
            [&](const Tensor4 &moved) { return dot(reference::grid_pool(moved, s.columns, s.rows), d_output); }, input);
        for (const Target &target : runnable_targets(Dtype::F64)) {
            KernelRun back = kernel(KernelSpec("grid_pool_grad"), target, Dtype::F64);
            back.in("d_output", d_output, 4).out("d_input", s.c, s.x, s.y, s.frames, 4);
            CHECK(difference_error(back.run().at("d_input"), differences) < 1e-6);
        }
    }
}

TEST_CASE("spatial gates and their gradients equal plain loops", "[spatial_training]") {
    for (const Shape &s : kShapes) {
        INFO(text_of(s));
        const SpatialGateCase in = gate_case(s);
        const Tensor4 d_mask = random_frames(1, s.columns, s.rows, s.frames, "d_mask");
        const reference::SpatialGateState expected = reference::spatial_gate(in);
        const reference::SpatialGateGradient gradient = reference::spatial_gate_gradient(in, d_mask);
        const int terms = 4 * s.c + s.columns * s.rows * s.frames + 32;
        for_training_targets([&](const Target &target, Dtype dtype) {
            KernelRun run = kernel(KernelSpec("spatial_gate_forward"), target, dtype);
            bind_gate(run, in);
            const auto ours = run.out("logits", 2, s.columns, s.rows, s.frames, 4)
                                  .out("soft", s.columns, s.rows, s.frames, 1, 3)
                                  .out("mask", s.columns, s.rows, s.frames, 1, 3)
                                  .run();
            CHECK(training_error(ours.at("logits"), expected.logits, terms, dtype, 1) <= 1);
            CHECK(training_error(ours.at("soft"), expected.soft, terms, dtype, 1) <= 1);
            for (size_t p = 0; p < expected.mask.data.size(); p++) {
                if (std::abs(expected.margin.data[p]) > 1e-4) CHECK(ours.at("mask").data[p] == expected.mask.data[p]);
            }
            const auto back = gate_gradient(in, d_mask, target, dtype);
            CHECK(training_error(back.at("d_pooled"), gradient.pooled, terms, dtype, 0.1) <= 1);
            CHECK(training_error(back.at("d_weights"), gradient.weights, terms, dtype, 0.1) <= 1);
            CHECK(training_error(back.at("d_bias"), gradient.bias, terms, dtype, 0.1) <= 1);
        });
    }
}

TEST_CASE("gradients of spatial gates equal central differences of the soft mask", "[spatial_training]") {
    const Shape s = {4, 1, 1, 3, 2, 3};
    const SpatialGateCase in = gate_case(s);
    const Tensor4 d_mask = random_frames(1, s.columns, s.rows, s.frames, "d_mask");
    const auto differences = [&](Tensor4 SpatialGateCase::*varied) {
        return central_difference(
            [&](const Tensor4 &values) {
                SpatialGateCase moved = in;
                moved.*varied = values;
                return dot(reference::spatial_gate(moved).soft, d_mask);
            },
            in.*varied);
    };
    for (const Target &target : runnable_targets(Dtype::F64)) {
        const auto back = gate_gradient(in, d_mask, target, Dtype::F64);
        CHECK(difference_error(back.at("d_pooled"), differences(&SpatialGateCase::pooled)) < 1e-6);
        CHECK(difference_error(back.at("d_weights"), differences(&SpatialGateCase::weights)) < 1e-6);
        CHECK(difference_error(back.at("d_bias"), differences(&SpatialGateCase::bias)) < 1e-6);
    }
}

TEST_CASE("a tie leaves the patch out", "[spatial_training]") {
    SpatialGateCase in = gate_case({4, 1, 1, 2, 2, 1});
    std::fill(in.weights.data.begin(), in.weights.data.end(), 0);
    std::fill(in.bias.data.begin(), in.bias.data.end(), 0.25);
    std::fill(in.uniform.data.begin(), in.uniform.data.end(), 0.5);
    for_training_targets([&](const Target &target, Dtype dtype) {
        KernelRun run = kernel(KernelSpec("spatial_gate_forward"), target, dtype);
        bind_gate(run, in);
        const auto ours = run.out("logits", 2, 2, 2, 1, 4).out("soft", 2, 2, 1, 1, 3).out("mask", 2, 2, 1, 1, 3).run();
        CHECK(ours.at("mask").data == std::vector<double>(4, 0));
        CHECK(ours.at("soft").data == std::vector<double>(4, 0.5));
    });
}

TEST_CASE("a spatial mask multiplies the pixels of its patches", "[spatial_training]") {
    for (const Shape &s : kShapes) {
        const Product p(s);
        for (const bool framed : {false, true}) {
            INFO(text_of(s) << ", framed " << framed);
            const Tensor4 expected = reference::patches_product(p.input, p.patches, framed ? &p.frames : nullptr);
            for_training_targets([&](const Target &target, Dtype dtype) {
                KernelRun run = kernel(KernelSpec("mask_patches").set("framed", framed), target, dtype);
                run.in("input", p.input, 4).in("patches", bound(p.patches), 3).in("frames", bound_frames(p.frames), 1);
                const auto ours = run.out("output", s.c, s.x, s.y, s.frames, 4).run();
                CHECK(training_error(ours.at("output"), expected, 1, dtype) == 0);
            });
        }
    }
}

TEST_CASE("gradients of a product with a spatial mask equal plain loops", "[spatial_training]") {
    for (const Shape &s : kShapes) {
        const Product p(s);
        for (const auto &[framed, accumulate, accumulate_mask] :
             std::vector<std::array<bool, 3>>{{false, false, false},
                                              {false, false, true},
                                              {false, true, true},
                                              {true, false, false},
                                              {true, false, true}}) {
            INFO(text_of(s) << ", framed " << framed << ", added " << accumulate << accumulate_mask);
            const Tensor4 *frames = framed ? &p.frames : nullptr;
            auto expected = reference::patches_gradient(p.input, p.patches, frames, p.d_output);
            auto size = reference::patches_gradient(absolute(p.input), p.patches, frames, absolute(p.d_output));
            size.frames = absolute(size.frames);
            if (!framed) std::fill(expected.frames.data.begin(), expected.frames.data.end(), 0);
            if (accumulate) expected.input = reference::add(expected.input, p.before);
            if (accumulate_mask) expected.patches = reference::add(expected.patches, p.patches_before);
            if (accumulate_mask) size.patches = reference::add(size.patches, absolute(p.patches_before));
            const int terms = s.x;
            for_training_targets([&, framed = framed, accumulate = accumulate,
                                  accumulate_mask = accumulate_mask](const Target &target, Dtype dtype) {
                const auto ours = p.gradient(framed, accumulate, accumulate_mask, target, dtype);
                CHECK(training_error(ours.at("d_input"), expected.input, 1, dtype) <= 1);
                CHECK(training_error(bound(expected.patches), ours.at("d_patches"), bound(size.patches), terms,
                                     dtype) <= 1);
                CHECK(training_error(ours.at("d_frames"), bound_frames(expected.frames), bound_frames(size.frames),
                                     terms, dtype) <= 1);
            });
        }
    }
}

TEST_CASE("gradients of a product with a spatial mask equal central differences", "[spatial_training]") {
    Product p({3, 5, 4, 3, 3, 2});
    // Soft masks: the product is a polynomial in both.
    p.patches = absolute(random_frames(1, 3, 3, 2, "soft patches"));
    p.frames = absolute(random_frames(1, 1, 1, 2, "soft frames"));
    const auto loss = [&](const Tensor4 &input, const Tensor4 &patches, const Tensor4 &frames) {
        return dot(reference::patches_product(input, patches, &frames), p.d_output);
    };
    const Tensor4 by_input =
        central_difference([&](const Tensor4 &moved) { return loss(moved, p.patches, p.frames); }, p.input);
    const Tensor4 by_patches =
        central_difference([&](const Tensor4 &moved) { return loss(p.input, moved, p.frames); }, p.patches);
    const Tensor4 by_frames =
        central_difference([&](const Tensor4 &moved) { return loss(p.input, p.patches, moved); }, p.frames);
    for (const Target &target : runnable_targets(Dtype::F64)) {
        const auto ours = p.gradient(true, false, false, target, Dtype::F64);
        CHECK(difference_error(ours.at("d_input"), by_input) < 1e-6);
        CHECK(difference_error(ours.at("d_patches"), bound(by_patches)) < 1e-6);
        CHECK(difference_error(ours.at("d_frames"), bound_frames(by_frames)) < 1e-6);
    }
}

TEST_CASE("the ratio of patches is held at its target, over the frames that are selected", "[spatial_training]") {
    for (const Shape &s : kShapes) {
        const Tensor4 patches = random_mask(s.columns, s.rows, s.frames, "patches");
        const Tensor4 before = random_frames(1, s.columns, s.rows, s.frames, "before");
        for (const double selected : {0.0, 0.5, 1.0}) {
            const reference::PatchRatio wanted{0.3, selected == 1 ? 5.0 : 0.0, selected == 1 ? 11.0 : 0.0};
            Tensor4 frames(1, 1, 1, s.frames);
            for (int f = 0; f < s.frames; f++)
                frames.data[size_t(f)] = selected == 0.5 ? f % 2 == 0 : selected;
            for (const bool framed : {false, true}) {
                INFO(text_of(s) << ", frames " << selected << ", framed " << framed);
                const Tensor4 *weights = framed ? &frames : nullptr;
                const double value = reference::patch_ratio_error(patches, weights, wanted);
                Tensor4 gradient = reference::patch_ratio_gradient(patches, weights, wanted);
                for (double &g : gradient.data)
                    g *= 0.7;
                const int terms = s.columns * s.rows * s.frames;
                for_training_targets([&](const Target &target, Dtype dtype) {
                    for (const bool accumulate : {false, true}) {
                        KernelRun run =
                            kernel(KernelSpec("patch_ratio_loss").set("framed", framed).set("accumulate", accumulate),
                                   target, dtype);
                        run.in("patches", bound(patches), 3).in("frames", bound_frames(frames), 1);
                        run.in("target_patch_ratio", 0.3).in("patch_weight", 0.7);
                        run.in("other_selected_patches", wanted.other_selected).in("other_patches", wanted.others);
                        run.out("value", 1, 1, 1, 1, 1);
                        Tensor4 expected = gradient;
                        if (accumulate) {
                            run.in_place("d_patches", "d_patches_before", bound(before), 3);
                            expected = reference::add(expected, before);
                        } else {
                            run.in("d_patches_before", bound(before), 3);
                            run.out("d_patches", s.columns, s.rows, s.frames, 1, 3);
                        }
                        const auto ours = run.run();
                        Tensor4 one(1, 1, 1, 1);
                        one.data[0] = value;
                        CHECK(training_error(ours.at("value"), one, 2 * terms, dtype, 0.1) <= 1);
                        CHECK(training_error(ours.at("d_patches"), bound(expected), terms + 8, dtype, 1.0 / terms) <=
                              1);
                    }
                });
            }
        }
    }
}

TEST_CASE("the gradient of the ratio of patches equals central differences", "[spatial_training]") {
    const reference::PatchRatio wanted{0.3, 4, 9};
    const Tensor4 patches = absolute(random_frames(1, 3, 2, 3, "soft patches"));
    Tensor4 frames(1, 1, 1, 3);
    frames.data = {1, 0, 1};
    for (const Tensor4 *weights : {static_cast<const Tensor4 *>(nullptr), static_cast<const Tensor4 *>(&frames)}) {
        const Tensor4 differences = central_difference(
            [&](const Tensor4 &moved) { return reference::patch_ratio_error(moved, weights, wanted); }, patches);
        CHECK(difference_error(reference::patch_ratio_gradient(patches, weights, wanted), differences) < 1e-6);
    }
}
