#include "model/initial_weights.h"

#include <cmath>

#include "model/random_use.h"
#include "model/recipe.h"
#include "runtime/counter_random.h"
#include "runtime/text.h"

namespace afnet {

namespace {

std::vector<float> normal(const std::string &key, size_t count, double deviation, uint64_t seed) {
    RandomStream stream;
    stream.purpose = kInitialWeights;
    stream.sample = uint32_t(fnv1a64(key));
    CounterRandom random(seed, stream);
    std::vector<float> values(count + 1);
    for (size_t i = 0; i < count; i += 2) {
        const auto [first, second] = random.normal_pair();
        values[i] = float(first * deviation);
        values[i + 1] = float(second * deviation);
    }
    values.resize(count);
    return values;
}

// Residual branches of a dense network may begin as nothing; those that a mask can drop begin as something, so that
// their masks matter. MobileNetV3's have no such scale.
bool begins_as_nothing(const ModelDescription &description, const std::string &key) {
    const char *last = description.block == Block::Basic ? ".bn2.weight" : ".bn3.weight";
    return description.family == Family::AfResNet && ends_with(key, last) && !contains(key, "refine_module");
}

}  // namespace

Weights initial_weights(const ModelDescription &description, const InitialWeights &choices) {
    return [description, choices](const ParameterInfo &parameter) {
        const std::string &key = parameter.key;
        const std::vector<int64_t> &shape = parameter.shape;
        size_t count = 1;
        for (int64_t extent : shape) count *= size_t(extent);
        if (shape.size() == 4) {
            const double fan_out = double(shape[0] * shape[2] * shape[3]);
            return normal(key, count, std::sqrt(2 / fan_out), choices.seed);
        }
        if (shape.size() == 2) {
            const bool classifier = key.rfind("fc.", 0) == 0;
            return normal(key, count, classifier ? choices.classifier_deviation : 0.01, choices.seed);
        }
        if (ends_with(key, "conv_gs.bias") || ends_with(key, ".spatial_navigation.conv2.bias")) {
            std::vector<float> bias(count);
            for (size_t i = 0; i < count; i++) bias[i] = float(i % 2 == 0 ? choices.drop_bias : choices.keep_bias);
            return bias;
        }
        const bool ones = ends_with(key, ".running_var") || ends_with(key, ".weight");
        return std::vector<float>(count, ones && !begins_as_nothing(description, key) ? 1.0f : 0.0f);
    };
}

}  // namespace afnet
