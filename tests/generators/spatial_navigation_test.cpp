// The spatial navigation that infers against its definition: a 3x3 convolution with BatchNorm and ReLU, an adaptive
// pool, two logits, and the larger one.
#include <catch2/catch.hpp>
#include <cmath>

#include "runtime/halide_host.h"
#include "tests/generators/kernel_run.h"
#include "tests/generators/layer.h"
#include "tests/kernel_call.h"
#include "tests/kernel_targets.h"
#include "tests/reference/spatial_training.h"
#include "tests/spatial_training_cases.h"

using namespace afnet;

namespace {

struct Shape {
    int hidden, c, x, y, columns, rows, frames;
};

// A layer's [k][c][v][u] as the kernel takes it, [k + hidden (u + 3 v), c].
FloatBuffer tap_weights(const std::vector<float> &weights, int hidden, int channels) {
    FloatBuffer packed(9 * hidden, channels);
    for (int k = 0; k < hidden; k++) {
        for (int c = 0; c < channels; c++) {
            for (int tap = 0; tap < 9; tap++)
                packed(k + hidden * tap, c) = weights[size_t((k * channels + c) * 9 + tap)];
        }
    }
    return packed;
}

FloatBuffer vector_of(const std::vector<float> &values) {
    FloatBuffer buffer(int(values.size()));
    std::copy(values.begin(), values.end(), buffer.begin());
    return buffer;
}

std::vector<float> floats(const Tensor4 &values) {
    return std::vector<float>(values.data.begin(), values.data.end());
}

void check(const Shape &s, int border) {
    INFO(s.hidden << " hidden, " << s.c << " channels, " << s.x << "x" << s.y << ", grid " << s.columns << "x" << s.rows
                  << ", " << s.frames << " frames");
    const Layer layer(s.c, {s.hidden, 3, 1, 1}, "relu");
    const Tensor4 input = random_frames(s.c, s.x, s.y, s.frames, "input");
    const Tensor4 gate = random_frames(2, 1, 1, s.hidden, "gate"), gate_bias = random_frames(2, 1, 1, 1, "gate bias");
    reference::SpatialGateCase in;
    in.pooled = reference::grid_pool(layer.output(input), s.columns, s.rows);
    in.weights = gate;
    in.bias = gate_bias;
    in.uniform = Tensor4(2, s.columns, s.rows, s.frames); // noise that cancels
    const reference::SpatialGateState plain = reference::spatial_gate(in);
    in.uniform = random_frames(2, s.columns, s.rows, s.frames, "noise");
    for (double &u : in.uniform.data)
        u = std::abs(u);
    const reference::SpatialGateState noisy = reference::spatial_gate(in);
    FrameMemory uniform(in.uniform);
    in.pooled = reference::grid_pool(layer.magnitude(input), s.columns, s.rows);
    in.weights = absolute(gate);
    in.bias = absolute(gate_bias);
    const Tensor4 size = reference::spatial_gate(in).logits;
    FloatBuffer gates(s.hidden, 2); // [k, q]
    for (int k = 0; k < s.hidden; k++) {
        for (int q = 0; q < 2; q++)
            gates(k, q) = float(gate.at(q, 0, 0, k));
    }
    for (const Target &target : called_targets(Dtype::F32)) {
        for (const int threads : {1, 2}) {
            INFO(target.name << ", " << threads << " threads");
            configure_halide(threads);
            const Kernel &kernel = test_kernel_store(target).kernel(
                KernelSpec("spatial_navigation").set("hidden", s.hidden), kSpatialTrainingLibrary);
            for (const bool stochastic : {false, true}) {
                INFO((stochastic ? "with" : "without") << " noise");
                FrameMemory map(input, border);
                FrameMemory logits = FrameMemory::unwritten(2, s.columns, s.rows, s.frames);
                FrameMemory features = FrameMemory::unwritten(s.hidden, s.x, s.y, s.frames);
                IntBuffer mask(s.columns, s.rows, s.frames);
                mask.fill(-1);
                KernelCall call(kernel);
                if (testing_gpu()) call.bind("features", features.view());
                call.bind("input", map.view())
                    .bind("conv_weights", tap_weights(layer.weights_folded(), s.hidden, s.c))
                    .bind("conv_bias", vector_of(layer.bias_folded()))
                    .bind("gate_weights", gates)
                    .bind("gate_bias", vector_of(floats(gate_bias)))
                    .bind("uniform", uniform.view())
                    .set("stochastic", stochastic ? 1 : 0)
                    .bind("logits", logits.view())
                    .bind("mask", mask)
                    .run();
                CHECK(logits.surroundings_intact());
                const Tensor4 found = logits.values();
                CHECK(rounding_error(found, plain.logits, size, 9 * s.c + s.x * s.y + s.hidden) <= 1);
                const reference::SpatialGateState &expected = stochastic ? noisy : plain;
                for (size_t p = 0; p < expected.mask.data.size(); p++) {
                    const double margin = found.data[2 * p + 1] - found.data[2 * p];
                    if (!stochastic) CHECK(mask.data()[p] == (margin > 0));
                    if (std::abs(expected.margin.data[p]) > 1e-4) CHECK(mask.data()[p] == expected.mask.data[p]);
                }
            }
        }
    }
    configure_halide(0);
}

} // namespace

TEST_CASE("the spatial navigation equals its definition", "[spatial_navigation][gpu]") {
    check({4, 1, 1, 1, 1, 1, 1}, 0);
    check({4, 16, 7, 7, 7, 7, 2}, 1);
    check({4, 17, 9, 6, 4, 3, 3}, 0);
    check({4, 64, 28, 28, 7, 7, 1}, 1);
    check({4, 5, 3, 2, 7, 7, 2}, 0);
    check({3, 33, 13, 5, 7, 2, 2}, 1);
}
