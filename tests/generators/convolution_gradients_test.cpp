// Training's convolutions: the forward pass and the gradients to input and weights, against their definitions, against
// central differences, and with any number of threads.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

#include "runtime/halide_host.h"
#include "tests/frame_memory.h"
#include "tests/generators/layer.h"
#include "tests/kernel_call.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"
#include "tests/reference/convolution_gradients.h"

using namespace afnet;
using reference::Convolution;

namespace {

// What a spec computes, without its part.
struct Case {
    KernelSpec spec; // of any part
    bool depthwise;
    int ci, stride;
    Convolution shape;
    Dtype dtype;

    KernelSpec part(const char *name, bool accumulate = false) const {
        KernelSpec result((depthwise ? "depthwise_" : "conv2d_") + std::string(name));
        result.params = spec.params;
        if (accumulate) result.set("accumulate", true);
        return result;
    }
};

std::vector<Case> cases() {
    std::vector<Case> result;
    for (const KernelSpec &spec : convolution_gradient_kernels()) {
        const bool depthwise = spec.generator == "depthwise_forward";
        if (!depthwise && spec.generator != "conv2d_forward") continue;
        Case c;
        c.spec = spec;
        c.depthwise = depthwise;
        c.ci = spec_number(spec, depthwise ? "channels" : "ci");
        c.shape.output_channels = depthwise ? c.ci : spec_number(spec, "co");
        c.shape.kernel = spec_number(spec, "kernel");
        c.shape.stride = c.stride = spec_number(spec, "stride");
        c.shape.padding = (c.shape.kernel - 1) / 2;
        c.shape.groups = depthwise ? c.ci : spec_number(spec, "groups");
        c.dtype = dtype_of(spec);
        result.push_back(c);
    }
    return result;
}

int output_extent(const Case &c, int extent) {
    return (extent - 1) / c.stride + 1;
}

Tensor4 absolute(Tensor4 values) {
    for (double &v : values.data)
        v = std::abs(v);
    return values;
}

// Weights [co, ci / g, u, v] in dense memory of the dtype.
class WeightMemory {
public:
    WeightMemory(const Tensor4 &values, const Case &c)
        : values_(values), memory_(values, 0, false, c.dtype), depthwise_(c.depthwise) {}
    FrameBuffer view() {
        FrameBuffer all = memory_.flat();
        return depthwise_ ? all.sliced(1, 0) : all;
    }
    Tensor4 values() const { return memory_.values(); }
    bool surroundings_intact() const { return memory_.surroundings_intact(); }

private:
    Tensor4 values_;
    FrameMemory memory_;
    bool depthwise_;
};

// The data of one case, and what each kernel makes of it on a target.
struct Run {
    const Case &c;
    const Target &target;
    Tensor4 input, weights, d_output;

    Run(const Case &c, const Target &target, int width, int height, int frames, uint64_t seed = 1)
        : c(c), target(target), input(random_frames(c.ci, width, height, frames, "input", seed)),
          weights(random_frames(c.shape.output_channels, c.ci / c.shape.groups, c.shape.kernel, c.shape.kernel,
                                "weights", seed)),
          d_output(random_frames(c.shape.output_channels, output_extent(c, width), output_extent(c, height), frames,
                                 "d_output", seed)) {}

    const Kernel &kernel(const char *part, bool accumulate = false) const {
        return test_kernel_store(target).kernel(c.part(part, accumulate), kConvolutionGradients);
    }

    Tensor4 forward() const {
        FrameMemory in(input, c.shape.padding, false, c.dtype);
        WeightMemory w(weights, c);
        // Its consumer may want a border.
        FrameMemory out =
            FrameMemory::unwritten(d_output.c, d_output.x, d_output.y, d_output.f, d_output.x % 2, c.dtype);
        KernelCall(kernel("forward"))
            .bind("input", in.view(0, true))
            .bind("weights", w.view())
            .bind("output", out.view())
            .run();
        CHECK(out.surroundings_intact());
        return out.values();
    }

    // Added in place to `before`, where there is one.
    Tensor4 grad_input(const Tensor4 *before = nullptr) const {
        FrameMemory d_out(d_output, d_output.y % 2, false, c.dtype);
        WeightMemory w(weights, c);
        FrameMemory d_in = before ? FrameMemory(*before, 0, false, c.dtype)
                                  : FrameMemory::unwritten(input.c, input.x, input.y, input.f, 0, c.dtype);
        FrameMemory unread(Tensor4(1, 1, 1, 1), 0, false, c.dtype);
        KernelCall(kernel("grad_input", before != nullptr))
            .bind("d_output", d_out.view())
            .bind("weights", w.view())
            .bind("d_input_before", before ? d_in.view() : unread.view())
            .bind("d_input", d_in.view())
            .run();
        CHECK(d_in.surroundings_intact());
        return d_in.values();
    }

    Tensor4 grad_weights() const {
        FrameMemory in(input, c.shape.padding, false, c.dtype);
        FrameMemory d_out(d_output, 0, false, c.dtype);
        Tensor4 unwritten(weights.c, weights.x, weights.y, weights.f);
        std::fill(unwritten.data.begin(), unwritten.data.end(), NAN);
        WeightMemory d_w(unwritten, c);
        KernelCall(kernel("grad_weights"))
            .bind("input", in.view(0, true))
            .bind("d_output", d_out.view())
            .bind("d_weights", d_w.view())
            .run();
        CHECK(d_w.surroundings_intact());
        return d_w.values();
    }
};

// The largest |actual - expected| as a fraction of what rounding may do. A sum of `terms` products in any order, fused
// or not, is off by at most terms u S, where S is the same sum over absolute values; u is 2^-24, or for doubles 2^-53.
// The definition, in doubles, may be off by as much as a kernel in f64.
double error_of(const Tensor4 &actual, const Tensor4 &expected, const Tensor4 &magnitude, double terms, Dtype dtype) {
    if (actual.data.size() != expected.data.size()) return INFINITY;
    const double unit = std::ldexp(1.0, -53) + std::ldexp(1.0, dtype == Dtype::F64 ? -53 : -24);
    const double bound = dtype == Dtype::F64 ? std::min(1e-12, (terms + 2) * unit) : (terms + 2) * unit;
    double worst = 0;
    for (size_t i = 0; i < expected.data.size(); i++) {
        const double error = std::abs(actual.data[i] - expected.data[i]);
        if (!std::isfinite(error)) return INFINITY;
        if (error > 0) worst = std::max(worst, error / (bound * magnitude.data[i] + 1e-300));
    }
    return worst;
}

void check(const Case &c, const Target &target, int width, int height, int frames) {
    INFO(c.spec.name() << " on " << width << "x" << height << ", " << frames << " frames, " << target.name);
    const Run run(c, target, width, height, frames);
    const Tensor4 weights = absolute(run.weights), input = absolute(run.input), d_output = absolute(run.d_output);
    const int taps = c.shape.kernel * c.shape.kernel;
    const int inputs = c.ci / c.shape.groups, outputs = c.shape.output_channels / c.shape.groups;

    CHECK(error_of(run.forward(), conv2d(run.input, c.shape, reference::conv2d_weight(run.weights)),
                   conv2d(input, c.shape, reference::conv2d_weight(weights)), inputs * taps, c.dtype) <= 1);

    Tensor4 expected = conv2d_grad_input(run.d_output, c.shape, run.weights, c.ci, width, height);
    Tensor4 magnitude = conv2d_grad_input(d_output, c.shape, weights, c.ci, width, height);
    CHECK(error_of(run.grad_input(), expected, magnitude, outputs * taps, c.dtype) <= 1);
    const Tensor4 before = random_frames(c.ci, width, height, frames, "before");
    for (size_t i = 0; i < before.data.size(); i++) {
        expected.data[i] += before.data[i];
        magnitude.data[i] += std::abs(before.data[i]);
    }
    CHECK(error_of(run.grad_input(&before), expected, magnitude, outputs * taps + 1, c.dtype) <= 1);

    CHECK(error_of(run.grad_weights(), conv2d_grad_weights(run.input, run.d_output, c.shape),
                   conv2d_grad_weights(input, d_output, c.shape), double(run.d_output.x) * run.d_output.y * frames,
                   c.dtype) <= 1);
}

double dot(const Tensor4 &a, const Tensor4 &b) {
    double sum = 0;
    for (size_t i = 0; i < a.data.size(); i++)
        sum += a.data[i] * b.data[i];
    return sum;
}

bool same_bits(const Tensor4 &a, const Tensor4 &b) {
    return a.data.size() == b.data.size() && std::memcmp(a.data.data(), b.data.data(), a.data.size() * 8) == 0;
}

} // namespace

TEST_CASE("training's convolutions equal their definitions", "[convolution_gradients]") {
    for (const Case &c : cases()) {
        for (const Target &target : runnable_targets(c.dtype)) {
            const bool wide = c.ci >= 128;
            // Every way to fill a register tile: wide maps, narrow ones with many frames, tails of both; a map of one
            // pixel; fewer frames than parts that the frames are summed in.
            for (const auto &[width, height, frames] : std::vector<std::array<int, 3>>{
                     {1, 1, 3}, {2, 3, 9}, {3, 2, 8}, {5, 7, 2}, {7, 7, 4}, {8, 5, 3}, {14, 3, 1}, {15, 4, 1}})
                check(c, target, width, height, frames);
            if (wide) continue;
            for (const auto &[width, height, frames] : std::vector<std::array<int, 3>>{
                     {1, 1, 33}, {2, 2, 17}, {4, 4, 16}, {6, 1, 5}, {9, 9, 10}, {13, 6, 2}, {28, 9, 1}, {31, 17, 1}})
                check(c, target, width, height, frames);
        }
    }
}

TEST_CASE("gradients of convolutions equal central differences", "[convolution_gradients]") {
    for (const Case &c : cases()) {
        if (c.dtype != Dtype::F64) continue;
        for (const Target &target : runnable_targets(c.dtype)) {
            INFO(c.spec.name() << " on " << target.name);
            Run run(c, target, 6, 5, 3);
            // A convolution is linear in either argument, so that the step may be of any size.
            const auto difference = [&](double &value) {
                const double at = value, step = 0.5;
                value = at + step;
                const double above = dot(run.forward(), run.d_output);
                value = at - step;
                const double below = dot(run.forward(), run.d_output);
                value = at;
                return (above - below) / (2 * step);
            };
            const Tensor4 d_input = run.grad_input(), d_weights = run.grad_weights();
            for (size_t i = 0; i < run.input.data.size(); i += 1 + run.input.data.size() / 9)
                CHECK(d_input.data[i] == Approx(difference(run.input.data[i])).margin(1e-10).epsilon(1e-9));
            for (size_t i = 0; i < run.weights.data.size(); i += 1 + run.weights.data.size() / 9)
                CHECK(d_weights.data[i] == Approx(difference(run.weights.data[i])).margin(1e-10).epsilon(1e-9));
        }
    }
}

TEST_CASE("training's convolutions have the same bits with one thread and with two", "[convolution_gradients]") {
    for (const Case &c : cases()) {
        for (const Target &target : runnable_targets(c.dtype)) {
            INFO(c.spec.name() << " on " << target.name);
            const Run run(c, target, 9, 8, 19);
            configure_halide(1);
            const Tensor4 forward = run.forward(), d_input = run.grad_input(), d_weights = run.grad_weights();
            configure_halide(2);
            CHECK(same_bits(run.forward(), forward));
            CHECK(same_bits(run.grad_input(), d_input));
            CHECK(same_bits(run.grad_weights(), d_weights));
        }
    }
    configure_halide(0);
}
