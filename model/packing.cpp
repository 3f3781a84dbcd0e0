#include "model/packing.h"

#include <cmath>

namespace afnet {

FoldedConv fold_batch_norm(const Weights &weights, const std::string &conv, const std::string &norm, int co,
                           int ci_per_group, int kernel) {
    constexpr double kEpsilon = 1e-5;
    FoldedConv folded;
    folded.weights = weights({conv + ".weight", {co, ci_per_group, kernel, kernel}});
    const auto statistic = [&](const char *name) { return weights({norm + name, {co}}); };
    const std::vector<float> gamma = statistic(".weight"), beta = statistic(".bias"),
                             mean = statistic(".running_mean"), variance = statistic(".running_var");
    folded.bias.resize(size_t(co));
    const size_t per_channel = folded.weights.size() / size_t(co);
    for (size_t c = 0; c < size_t(co); c++) {
        const double scale = double(gamma[c]) / std::sqrt(double(variance[c]) + kEpsilon);
        folded.bias[c] = float(double(beta[c]) - double(mean[c]) * scale);
        float *row = &folded.weights[c * per_channel];
        for (size_t i = 0; i < per_channel; i++) row[i] = float(double(row[i]) * scale);
    }
    return folded;
}

PackedConstant pack_conv_weights(const FoldedConv &conv, int co, int ci_per_group, int kernel, int groups,
                                 int co_block) {
    const int channels = co / groups, blocks = (channels + co_block - 1) / co_block;
    PackedConstant packed;
    packed.extents = {co_block, ci_per_group, kernel, kernel, blocks, groups};
    packed.elements.assign(size_t(co_block) * size_t(ci_per_group * kernel * kernel) * size_t(blocks * groups), 0.0f);
    const size_t taps = size_t(kernel) * size_t(kernel), filter = size_t(ci_per_group) * taps;
    for (int g = 0; g < groups; g++) {
        for (int c = 0; c < channels; c++) {
            const float *source = &conv.weights[size_t(g * channels + c) * filter];
            float *block = &packed.elements[size_t(g * blocks + c / co_block) * filter * size_t(co_block)];
            for (size_t tap = 0; tap < taps; tap++) {
                float *to = block + tap * size_t(ci_per_group) * size_t(co_block) + c % co_block;
                for (size_t i = 0; i < size_t(ci_per_group); i++) to[i * size_t(co_block)] = source[i * taps + tap];
            }
        }
    }
    return packed;
}

PackedConstant pack_conv_bias(const FoldedConv &conv, int co, int groups, int co_block) {
    const int channels = co / groups, blocks = (channels + co_block - 1) / co_block;
    PackedConstant packed;
    packed.extents = {co_block, blocks, groups};
    packed.elements.assign(size_t(co_block) * size_t(blocks * groups), 0.0f);
    for (int c = 0; c < co; c++) {
        const int g = c / channels, inner = c % channels;
        packed.elements[size_t(g * blocks * co_block + inner)] = conv.bias[size_t(c)];
    }
    return packed;
}

PackedConstant pack_depthwise_weights(const FoldedConv &conv, int channels, int kernel) {
    const size_t taps = size_t(kernel) * size_t(kernel);
    PackedConstant packed;
    packed.extents = {channels, kernel, kernel};
    packed.elements.resize(conv.weights.size());
    for (size_t c = 0; c < size_t(channels); c++) {
        for (size_t tap = 0; tap < taps; tap++) {
            packed.elements[tap * size_t(channels) + c] = conv.weights[c * taps + tap];
        }
    }
    return packed;
}

PackedConstant pack_linear_weights(const std::vector<float> &weights, int out, int in) {
    PackedConstant packed;
    packed.extents = {out, in};
    packed.elements.resize(weights.size());
    for (size_t k = 0; k < size_t(out); k++) {
        for (size_t c = 0; c < size_t(in); c++) packed.elements[c * size_t(out) + k] = weights[k * size_t(in) + c];
    }
    return packed;
}

}  // namespace afnet
