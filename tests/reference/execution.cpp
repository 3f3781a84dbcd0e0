#include "tests/reference/execution.h"

#include <algorithm>
#include <cmath>

namespace afnet::reference {

namespace {

constexpr int kCornerPixels = 3;
constexpr int kCornerChannelStep = 16;

} // namespace

Tensor4 Execution::conv(const std::string &key, const Tensor4 &input, const Convolution &shape) {
    const std::vector<int64_t> weight_shape{shape.output_channels, input.c / shape.groups, shape.kernel, shape.kernel};
    return conv2d(input, shape, parameter_(key + ".weight", weight_shape));
}

Tensor4 Execution::batch_norm(const std::string &key, Tensor4 input) {
    return apply(fold(load_batch_norm(key, input.c)), std::move(input));
}

Tensor4 Execution::conv_bn(const std::string &conv_key, const std::string &bn_key, const Tensor4 &input,
                           const Convolution &shape) {
    return batch_norm(bn_key, conv(conv_key, input, shape));
}

Tensor4 Execution::linear(const std::string &key, const Tensor4 &input, int outputs, Bias bias) {
    std::vector<float> offsets;
    if (bias == Bias::Added) offsets = parameter_(key + ".bias", {outputs});
    return reference::linear(input, parameter_(key + ".weight", {outputs, input.c}), offsets, outputs);
}

std::vector<double> Execution::navigate(const std::string &key, const Tensor4 &input) {
    const size_t block = gates_.size();
    if (config_.shared_mask && block > 0) {
        gates_.push_back(gates_.front());
        return gates_.back().mask;
    }
    std::vector<double> noise;
    if (!config_.gumbel_uniforms.empty()) noise = gumbel_noise(config_.gumbel_uniforms.at(block));
    Gate gate = select_frames(navigation_logits(input, load_navigation(key, input.c)), noise);
    for (size_t f = 0; f < gate.mask.size() && config_.soft; f++)
        gate.mask[f] = 1 / (1 + std::exp(-gate.margin[f]));
    if (!config_.forced_masks.empty()) gate.mask = config_.forced_masks.at(block);
    gates_.push_back(gate);
    return gate.mask;
}

const SpatialMask *Execution::pixels() const {
    return config_.forced_patches.empty() ? nullptr : &config_.forced_patches.at(gates_.size() - 1);
}

Tensor4 Execution::shifted(const Tensor4 &input) const {
    return config_.shift ? temporal_shift(input, config_.frames) : input;
}

void Execution::record_mean(const std::string &module, const Tensor4 &output) {
    outputs_["mean." + module] = {{output.f, output.c}, global_mean(output).data};
}

void Execution::record_corner(const std::string &module, const Tensor4 &output) {
    const int width = std::min(kCornerPixels, output.x), height = std::min(kCornerPixels, output.y);
    const int channels = (output.c + kCornerChannelStep - 1) / kCornerChannelStep;
    NamedTensor corner{{output.f, channels, height, width}, {}};
    for (int f = 0; f < output.f; f++)
        for (int c = 0; c < channels; c++)
            for (int y = 0; y < height; y++)
                for (int x = 0; x < width; x++)
                    corner.data.push_back(output.at(c * kCornerChannelStep, x, y, f));
    outputs_["corner." + module] = std::move(corner);
}

void Execution::record_logits(const Tensor4 &logits) {
    outputs_["logits"] = {{logits.f, logits.c}, logits.data};
    outputs_["clip_logits"] = {{config_.batch, logits.c}, clip_mean(logits, config_.frames).data};
}

Outputs Execution::take_outputs() {
    if (!gates_.empty()) {
        NamedTensor masks{{static_cast<int64_t>(gates_.size()), config_.batch * config_.frames}, {}}, margins = masks;
        for (const Gate &gate : gates_) {
            masks.data.insert(masks.data.end(), gate.mask.begin(), gate.mask.end());
            margins.data.insert(margins.data.end(), gate.margin.begin(), gate.margin.end());
        }
        outputs_["masks"] = std::move(masks);
        outputs_["gate_margin"] = std::move(margins);
    }
    return std::move(outputs_);
}

BatchNorm Execution::load_batch_norm(const std::string &key, int channels) {
    const auto load = [&](const char *name) { return parameter_(key + name, {channels}); };
    BatchNorm batch_norm;
    batch_norm.gamma = load(".weight");
    batch_norm.beta = load(".bias");
    batch_norm.mean = load(".running_mean");
    batch_norm.variance = load(".running_var");
    return batch_norm;
}

NavigationWeights Execution::load_navigation(const std::string &key, int channels) {
    const int64_t rows = 2 * config_.frames;
    NavigationWeights weights;
    weights.pool = parameter_(key + ".conv_pool.weight", {2, channels, 1, 1});
    weights.batch_norm = load_batch_norm(key + ".bn", 2);
    weights.affine = parameter_(key + ".conv_gs.weight", {rows, 2, 1, 1});
    weights.affine_bias = parameter_(key + ".conv_gs.bias", {rows});
    return weights;
}

} // namespace afnet::reference
