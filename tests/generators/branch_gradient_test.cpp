// Gradients of pooling, fusion and squeeze-and-excitation against plain loops and differences, and derived against
// closed forms.
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/generators/kernel_run.h"
#include "tests/reference/head_gradients.h"

using namespace afnet;

namespace {

struct Size {
    int width, height;
};

KernelSpec derived(KernelSpec spec) {
    return spec.set("derivation", "adjoint");
}

void check_mean(int channels, Size size, const Size *fine, int frames) {
    const Tensor4 d_output = random_frames(channels, 1, 1, frames, "d_output");
    const Tensor4 before = random_frames(channels, size.width, size.height, frames, "before");
    const Size over = fine ? *fine : size;
    const Tensor4 expected =
        reference::upsampled_mean_gradient(d_output, size.width, size.height, over.width, over.height);
    for_training_targets([&](const Target &target, Dtype dtype) {
        INFO(channels << " channels of " << size.width << "x" << size.height << " for " << over.width << "x"
                      << over.height);
        const auto gradient = [&](const KernelSpec &spec) {
            KernelRun run(spec, target, dtype);
            run.in("d_output", d_output, 2).in("fine_width", over.width).in("fine_height", over.height);
            if (spec.params.count("accumulate") && spec.params.at("accumulate") == "true") {
                run.in_place("d_input", "d_input_before", before, 4);
            } else {
                run.in("d_input_before", before, 4).out("d_input", channels, size.width, size.height, frames, 4);
            }
            return run.run().at("d_input");
        };
        const KernelSpec spec = KernelSpec("spatial_mean_grad").set("coarse", fine != nullptr);
        CHECK(training_error(gradient(KernelSpec(spec).set("accumulate", false)), expected, 4, dtype, 1e-9) <= 1);
        CHECK(training_error(gradient(KernelSpec(spec).set("accumulate", true)), reference::add(expected, before), 4,
                             dtype) <= 1);
        CHECK(training_error(gradient(derived(spec)), expected, 9, dtype, 1e-9) <= 1);
    });
}

struct Fusion {
    Tensor4 ample, focal, theta, d_output;

    Fusion(int channels, Size fine, int frames)
        : ample(random_frames(channels, (fine.width + 1) / 2, (fine.height + 1) / 2, frames, "ample")),
          focal(random_frames(channels, fine.width, fine.height, frames, "focal")),
          theta(as_floats(reference::sigmoid(random_frames(channels, 1, 1, frames, "theta")))),
          d_output(random_frames(channels, fine.width, fine.height, frames, "d_output")) {}

    Tensor4 output(const char *activation) const { return reference::fusion(activation, ample, focal, theta); }
    reference::FusionGradient gradient(const char *activation) const {
        return reference::fusion_gradient(activation, ample, focal, theta, d_output);
    }
    // The gradient's sums over absolute values: |ample| + |focal| where theta's gradient has their difference.
    reference::FusionGradient magnitude() const {
        Tensor4 negative = absolute(focal);
        for (double &v : negative.data)
            v = -v;
        return reference::fusion_gradient("linear", absolute(ample), negative, theta, absolute(d_output));
    }
};

std::map<std::string, Tensor4> run_fusion(const KernelSpec &spec, const Target &target, Dtype dtype, const Fusion &in,
                                          const Tensor4 &output) {
    return KernelRun(spec, target, dtype)
        .in("ample", in.ample, 4)
        .in("focal", in.focal, 4)
        .in("theta", in.theta, 2)
        .in("output", output, 4)
        .in("d_output", in.d_output, 4)
        .out("d_ample", in.ample.c, in.ample.x, in.ample.y, in.ample.f, 4)
        .out("d_focal", in.focal.c, in.focal.x, in.focal.y, in.focal.f, 4)
        .out("d_theta", in.theta.c, 1, 1, in.theta.f, 2)
        .run();
}

void check_fusion(const char *activation, int channels, Size fine, int frames) {
    const Fusion in(channels, fine, frames);
    const reference::FusionGradient expected = in.gradient(activation), magnitude = in.magnitude();
    const Tensor4 output = in.output(activation);
    const int pixels = fine.width * fine.height;
    for_training_targets([&](const Target &target, Dtype dtype) {
        INFO(activation << " of " << channels << " channels at " << fine.width << "x" << fine.height);
        const auto forward = KernelRun(activated("fuse_branches", activation), target, dtype)
                                 .in("ample", in.ample, 4)
                                 .in("focal", in.focal, 4)
                                 .in("theta", in.theta, 2)
                                 .out("output", channels, fine.width, fine.height, frames, 4)
                                 .run();
        CHECK(training_error(forward.at("output"), output, 4, dtype) <= 1);
        for (const bool adjoint : {false, true}) {
            INFO((adjoint ? "derived" : "closed form"));
            const KernelSpec spec = activated("fuse_branches_grad", activation);
            const auto ours = run_fusion(adjoint ? derived(spec) : spec, target, dtype, in, as_floats(output));
            CHECK(training_error(ours.at("d_ample"), expected.ample, magnitude.ample, 4, dtype) <= 1);
            CHECK(training_error(ours.at("d_focal"), expected.focal, magnitude.focal, 2, dtype) <= 1);
            CHECK(training_error(ours.at("d_theta"), expected.theta, magnitude.theta, pixels, dtype) <= 1);
        }
    });
}

void check_addition(const char *activation, int channels, Size fine, int frames) {
    const Fusion in(channels, fine, frames);
    const reference::FusionGradient expected =
        reference::addition_gradient(activation, in.ample, in.focal, in.d_output);
    const reference::FusionGradient magnitude =
        reference::addition_gradient("linear", absolute(in.ample), absolute(in.focal), absolute(in.d_output));
    const Tensor4 output = reference::activated(
        activation, reference::add(reference::upsample_nearest(in.ample, fine.width, fine.height), in.focal));
    for_training_targets([&](const Target &target, Dtype dtype) {
        INFO(activation << " of " << channels << " channels at " << fine.width << "x" << fine.height);
        const auto forward = KernelRun(activated("add_branches", activation), target, dtype)
                                 .in("ample", in.ample, 4)
                                 .in_place("output", "focal", in.focal, 4)
                                 .run();
        CHECK(training_error(forward.at("output"), output, 2, dtype) <= 1);
        const auto ours = KernelRun(activated("add_branches_grad", activation), target, dtype)
                              .in("output", as_floats(output), 4)
                              .in("d_output", in.d_output, 4)
                              .out("d_ample", channels, in.ample.x, in.ample.y, frames, 4)
                              .out("d_focal", channels, fine.width, fine.height, frames, 4)
                              .run();
        CHECK(training_error(ours.at("d_ample"), expected.ample, magnitude.ample, 4, dtype) <= 1);
        CHECK(training_error(ours.at("d_focal"), expected.focal, magnitude.focal, 1, dtype) <= 1);
    });
}

struct Scale {
    Tensor4 input, gate, d_output;

    Scale(int channels, Size size, int frames)
        : input(random_frames(channels, size.width, size.height, frames, "input")),
          gate(as_floats(reference::sigmoid(random_frames(channels, 1, 1, frames, "gate")))),
          d_output(random_frames(channels, size.width, size.height, frames, "d_output")) {
        for (double &v : input.data)
            v = float(8 * v); // both bends of h_swish
    }
};

void check_scale(const char *activation, int channels, Size size, int frames) {
    const Scale in(channels, size, frames);
    const reference::ScaleGradient expected = reference::scale_gradient(activation, in.input, in.gate, in.d_output);
    reference::ScaleGradient magnitude =
        reference::scale_gradient("linear", absolute(in.input), in.gate, absolute(in.d_output));
    // h_swish's slope is at most 1.5, its rounding that of 2 v + 3 for |v| up to 3.
    for (Tensor4 *tensor : {&magnitude.input, &magnitude.gate}) {
        for (double &v : tensor->data)
            v *= 4;
    }
    const Tensor4 output = reference::activated(activation, reference::scale_channels(in.input, in.gate));
    for_training_targets([&](const Target &target, Dtype dtype) {
        INFO(activation << " of " << channels << " channels at " << size.width << "x" << size.height);
        const auto forward = KernelRun(activated("scale_channels", activation), target, dtype)
                                 .in("input", in.input, 4)
                                 .in("gate", in.gate, 2)
                                 .out("output", channels, size.width, size.height, frames, 4)
                                 .run();
        CHECK(training_error(forward.at("output"), output, 4, dtype) <= 1);
        for (const bool adjoint : {false, true}) {
            INFO((adjoint ? "derived" : "closed form"));
            const KernelSpec spec = activated("scale_channels_grad", activation);
            const auto ours = KernelRun(adjoint ? derived(spec) : spec, target, dtype)
                                  .in("input", in.input, 4)
                                  .in("gate", in.gate, 2)
                                  .in("d_output", in.d_output, 4)
                                  .out("d_input", channels, size.width, size.height, frames, 4)
                                  .out("d_gate", channels, 1, 1, frames, 2)
                                  .run();
            CHECK(training_error(ours.at("d_input"), expected.input, magnitude.input, 4, dtype) <= 1);
            CHECK(training_error(ours.at("d_gate"), expected.gate, magnitude.gate, size.width * size.height, dtype) <=
                  1);
        }
    });
}

} // namespace

TEST_CASE("the mean's gradient is an even share for each pixel", "[branch_gradients]") {
    for (int channels : {1, 3, 8, 9, 16, 17, 40}) {
        check_mean(channels, {3, 5}, nullptr, 2);
    }
    check_mean(7, {1, 1}, nullptr, 1);
    check_mean(20, {7, 7}, nullptr, 1);
}

TEST_CASE("a coarse pixel gets a share for each fine one that reads it", "[branch_gradients]") {
    const std::vector<std::pair<Size, Size>> pairs = {{{8, 8}, {4, 4}}, {{7, 5}, {4, 3}}, {{13, 14}, {7, 7}},
                                                      {{1, 1}, {1, 1}}, {{7, 9}, {2, 4}}, {{5, 3}, {5, 2}}};
    for (const auto &[fine, coarse] : pairs) {
        for (int channels : {1, 17})
            check_mean(channels, coarse, &fine, 2);
    }
}

TEST_CASE("means over pixels compute in double", "[branch_gradients]") {
    const Tensor4 input = random_frames(17, 6, 4, 3, "input"), low = random_frames(17, 3, 2, 3, "low");
    for_training_targets([&](const Target &target, Dtype dtype) {
        for (const bool upsample : {false, true}) {
            const Tensor4 sum = upsample ? reference::add(input, reference::upsample_nearest(low, 6, 4)) : input;
            const auto ours = KernelRun(KernelSpec("spatial_mean").set("upsample", upsample), target, dtype)
                                  .in("input", input, 4)
                                  .in("coarse", low, 4)
                                  .out("output", 17, 1, 1, 3, 2)
                                  .run();
            CHECK(training_error(ours.at("output"), reference::global_mean(sum), 48, dtype, 1) <= 1);
        }
    });
}

TEST_CASE("gradients of the fusion equal plain loops, closed and derived", "[branch_gradients]") {
    for (int channels : {1, 3, 8, 9, 16, 17, 40})
        check_fusion("relu", channels, {5, 4}, 2);
    for (const Size &size : {Size{1, 1}, Size{2, 2}, Size{7, 5}, Size{6, 9}, Size{8, 3}}) {
        check_fusion("relu", 20, size, 1);
        check_fusion("linear", 20, size, 3);
    }
}

TEST_CASE("the reference gradient of the fusion equals central differences", "[branch_gradients]") {
    for (const char *activation : {"relu", "linear"}) {
        const Fusion in(3, {3, 4}, 2);
        const reference::FusionGradient gradient = in.gradient(activation);
        const auto loss = [&](Tensor4 Fusion::*varied) {
            return [&, varied](const Tensor4 &values) {
                Fusion moved = in;
                moved.*varied = values;
                return dot(moved.output(activation), in.d_output);
            };
        };
        CHECK(difference_error(gradient.ample, central_difference(loss(&Fusion::ample), in.ample)) < 1e-6);
        CHECK(difference_error(gradient.focal, central_difference(loss(&Fusion::focal), in.focal)) < 1e-6);
        CHECK(difference_error(gradient.theta, central_difference(loss(&Fusion::theta), in.theta)) < 1e-6);
    }
}

TEST_CASE("gradients of the fusion by addition equal plain loops", "[branch_gradients]") {
    for (int channels : {1, 3, 8, 9, 16, 17, 40})
        check_addition("relu", channels, {5, 4}, 2);
    for (const Size &size : {Size{1, 1}, Size{2, 2}, Size{7, 5}, Size{6, 9}, Size{8, 3}}) {
        check_addition("relu", 20, size, 1);
        check_addition("linear", 20, size, 3);
    }
}

TEST_CASE("the reference gradient of the fusion by addition equals central differences", "[branch_gradients]") {
    for (const char *activation : {"relu", "linear"}) {
        const Fusion in(3, {3, 4}, 2);
        const reference::FusionGradient gradient =
            reference::addition_gradient(activation, in.ample, in.focal, in.d_output);
        const auto loss = [&](const Tensor4 &ample, const Tensor4 &focal) {
            const Tensor4 sum = reference::add(reference::upsample_nearest(ample, focal.x, focal.y), focal);
            return dot(reference::activated(activation, sum), in.d_output);
        };
        CHECK(difference_error(gradient.ample, central_difference([&](const Tensor4 &v) { return loss(v, in.focal); },
                                                                  in.ample)) < 1e-6);
        CHECK(difference_error(gradient.focal, central_difference([&](const Tensor4 &v) { return loss(in.ample, v); },
                                                                  in.focal)) < 1e-6);
    }
}

TEST_CASE("the fusion's gradient refuses an ample branch that has not half the pixels", "[branch_gradients]") {
    Fusion in(4, {6, 6}, 1);
    in.ample = random_frames(4, 2, 3, 1, "ample");
    for_training_targets([&](const Target &target, Dtype dtype) {
        CHECK_THROWS(run_fusion(activated("fuse_branches_grad", "relu"), target, dtype, in, in.d_output));
    });
}

TEST_CASE("gradients of squeeze-and-excitation equal plain loops, closed and derived", "[branch_gradients]") {
    for (const char *activation : {"relu", "hswish", "linear"}) {
        for (int channels : {1, 3, 8, 9, 17, 40})
            check_scale(activation, channels, {5, 3}, 2);
        check_scale(activation, 20, {1, 1}, 1);
        check_scale(activation, 20, {7, 8}, 3);
    }
}

TEST_CASE("the reference gradient of squeeze-and-excitation equals central differences", "[branch_gradients]") {
    for (const char *activation : {"relu", "hswish"}) {
        const Scale in(3, {3, 2}, 2);
        const reference::ScaleGradient gradient = reference::scale_gradient(activation, in.input, in.gate, in.d_output);
        const auto output = [&](const Tensor4 &input, const Tensor4 &gate) {
            return dot(reference::activated(activation, reference::scale_channels(input, gate)), in.d_output);
        };
        CHECK(difference_error(gradient.input, central_difference([&](const Tensor4 &v) { return output(v, in.gate); },
                                                                  in.input)) < 1e-6);
        CHECK(difference_error(gradient.gate, central_difference([&](const Tensor4 &v) { return output(in.input, v); },
                                                                 in.gate)) < 1e-6);
    }
}
