// Ten steps of SGD with the authors' groups in double, against a twin whose updates are plain loops written from
// PyTorch's definition and AFNET_SPEC §5.3. Both take gradients from the network's kernels, which have tests of their
// own; the twin's are taken where the twin's parameters are.
#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "model/initial_weights.h"
#include "model/recipe.h"
#include "model/training_network.h"
#include "tests/frame_memory.h"

using namespace afnet;

namespace {

constexpr int kSteps = 10, kFrames = 3, kClips = 2, kSize = 32;

ModelDescription small_model() {
    ModelDescription description = shipped_model("af_tiny_tsm");
    description.classes = 5;
    description.frames = kFrames;
    return description;
}

Weights first_weights() {
    return initial_weights(small_model(), {6, 1, 2, 0.05});
}

RunShape shape_of_run() {
    RunShape shape;
    shape.dtype = Dtype::F64;
    shape.frames = kFrames;
    shape.clips = kClips;
    shape.width = shape.height = kSize;
    return shape;
}

struct Opened {
    Opened()
        : kernels(AFNET_TRAINING_KERNELS, target_named("x86-64-avx2")),
          network(
              small_model(), shape_of_run(), {},
              [](const ParameterInfo &parameter) { return authors_rule(small_model(), parameter); }, kernels) {
        network.load(first_weights());
    }

    // What a step sees, another clip in each.
    void show(int step) {
        const Tensor4 frames = random_frames(3, kSize, kSize, kFrames * kClips, "step " + std::to_string(step));
        const std::vector<float> pixels(frames.data.begin(), frames.data.end());
        for (int f = 0; f < kFrames * kClips; f++)
            network.set_frame(f, &pixels[size_t(f) * 3 * kSize * kSize]);
        for (int n = 0; n < kClips; n++)
            network.set_label(n, (step + n) % 5);
        for (size_t block = 0; block < network.training().selections.size(); block++) {
            const auto uniform = recipe_gumbel_uniform(int(block), size_t(2 * kFrames * kClips), uint64_t(step));
            network.set_noise(block, std::vector<double>(uniform.begin(), uniform.end()));
        }
    }

    KernelStore kernels;
    TrainingNetwork network;
};

StepSettings settings_of(int step) {
    StepSettings settings;
    settings.rate = step < 5 ? 0.01 : 0.001;
    settings.decay = 5e-4;
    settings.momentum = 0.9;
    settings.clip_norm = step % 2 == 0 ? 1 : 1e6; // once it clips, once it does not
    settings.temperature = std::pow(0.9, step);
    settings.target_ratio = 0.5;
    settings.ratio_weight = 0.5;
    return settings;
}

struct Group {
    double rate, decay;
};

Group authors_group(const ParameterInfo &parameter) {
    if (parameter.key.find("list_gen") != std::string::npos) return {10, 1};
    if (parameter.key == "fc.bias") return {10, 0};
    switch (parameter.shape.size()) {
    case 1:
        return {1, 0}; // BatchNorm
    case 2:
        return {5, 1}; // linears: the classifier and the fusion weights
    default:
        return {1, 1};
    }
}

struct Twin : Opened {
    // torch.nn.utils.clip_grad_norm_, then torch.optim.SGD.
    double step(const StepSettings &settings) {
        network.pass(settings);
        double squares = 0;
        for (const TrainedParameter &parameter : network.training().parameters) {
            for (double g : network.numbers(parameter.gradient))
                squares += g * g;
        }
        const double scale = std::min(1.0, settings.clip_norm / (std::sqrt(squares) + 1e-6));
        for (const TrainedParameter &parameter : network.training().parameters) {
            const Group group = authors_group(parameter.info);
            const std::vector<double> gradient = network.numbers(parameter.gradient);
            double *value = static_cast<double *>(network.executor().memory(parameter.value).data);
            std::vector<double> &momentum = momenta[parameter.info.key];
            momentum.resize(gradient.size(), 0);
            for (size_t i = 0; i < gradient.size(); i++) {
                momentum[i] =
                    settings.momentum * momentum[i] + scale * gradient[i] + settings.decay * group.decay * value[i];
                value[i] -= settings.rate * group.rate * momentum[i];
            }
        }
        return scale;
    }

    std::map<std::string, std::vector<double>> momenta;
};

} // namespace

TEST_CASE("ten steps of SGD equal a plain twin's", "[training_network]") {
    Opened ours;
    Twin twin;
    int clipped = 0;
    for (int step = 0; step < kSteps; step++) {
        ours.show(step);
        twin.show(step);
        const StepResult result = ours.network.step(settings_of(step));
        REQUIRE(result.finite);
        clipped += twin.step(settings_of(step)) < 1;
    }
    CHECK(clipped >= 3);
    CHECK(clipped <= 5);
    double moved = 0;
    const Weights first = first_weights();
    for (const TrainedParameter &parameter : ours.network.training().parameters) {
        INFO(parameter.info.key);
        const std::vector<double> a = ours.network.values(parameter.info), b = twin.network.values(parameter.info);
        const std::vector<float> began = first(parameter.info);
        double largest = 0, difference = 0;
        for (size_t i = 0; i < a.size(); i++) {
            largest = std::max(largest, std::abs(b[i]));
            difference = std::max(difference, std::abs(a[i] - b[i]));
            moved = std::max(moved, std::abs(a[i] - double(began[i])));
        }
        // Biases that a BatchNorm takes away again have no gradient: they stay 0 but for rounding.
        CHECK(difference <= 1e-8 * std::max(largest, 1e-6));
    }
    CHECK(moved > 1e-3);
}
