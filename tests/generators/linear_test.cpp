// Fully connected layers against their definition, packed by model/packing.h.
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/generators/layer.h"
#include "tests/kernel_call.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"

using namespace afnet;

namespace {

std::vector<float> random_floats(size_t count, const std::string &name) {
    const Tensor4 numbers = random_frames(int(count), 1, 1, 1, name);
    return std::vector<float>(numbers.data.begin(), numbers.data.end());
}

template <class Number>
std::vector<Number> absolute(std::vector<Number> values) {
    for (Number &v : values) v = std::abs(v);
    return values;
}

void check(const char *activation, int inputs, int outputs, int frames) {
    Tensor4 in = random_frames(inputs, 1, 1, frames, "in");
    const std::vector<float> weights = random_floats(size_t(inputs * outputs), "weights");
    const std::vector<float> bias = random_floats(size_t(outputs), "bias");
    const Tensor4 expected = activate(activation, reference::linear(in, weights, bias, outputs));
    const FloatBuffer input = vectors(in);
    in.data = absolute(in.data);
    // Sigmoids end within 1, which they round too.
    Tensor4 magnitude = reference::linear(in, absolute(weights), absolute(bias), outputs);
    for (double &m : magnitude.data) m += 1;
    for (const Target &target : called_targets(Dtype::F32)) {
        INFO(activation << " of " << inputs << " to " << outputs << ", " << frames << " frames on " << target.name);
        FrameMemory output = FrameMemory::unwritten(outputs, 1, 1, frames);
        const Kernel &kernel = test_kernel_store(target).kernel(activated("linear", activation), kTestLibrary);
        const int block = knob_of(*kernel.entry, "co_block");
        KernelCall(kernel)
            .bind("input", input)
            .bind("weights", packed_buffer(pack_linear_weights(weights, outputs, inputs, block)))
            .bind("bias", packed_buffer(pack_linear_bias(bias, block)))
            .bind("output", output.view().sliced(1).sliced(1))
            .run();
        CHECK(rounding_error(output.values(), expected, magnitude, inputs) <= 1);
        CHECK(output.surroundings_intact());
    }
}

}  // namespace

TEST_CASE("a linear layer equals its definition for any number of inputs and outputs", "[linear][gpu]") {
    for (int outputs : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 129}) {
        for (int inputs : {1, 3, 16, 17, 65}) check("linear", inputs, outputs, inputs % 2 ? 1 : 5);
    }
}

TEST_CASE("a linear layer equals its definition for any number of frames", "[linear][gpu]") {
    for (int frames = 1; frames <= 14; frames++)
        check("linear", 17, 33, frames);
    check("linear", 5, 40, 31);
}

TEST_CASE("a linear layer applies every activation", "[linear][gpu]") {
    for (const char *activation : {"linear", "relu", "sigmoid", "hsigmoid", "hswish"}) {
        for (int outputs : {1, 10, 174}) check(activation, 40, outputs, 3);
    }
}
