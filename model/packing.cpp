#include "model/packing.h"

#include <algorithm>
#include <cmath>

#include "runtime/error.h"

namespace afnet {

namespace {

constexpr size_t kTile = 16; // floats of a cache line
constexpr int kDirect = 1;   // of knob `algorithm`

// gamma / sqrt(var + eps), per channel.
std::vector<double> batch_norm_scale(const Weights &weights, const std::string &norm, int co) {
    constexpr double kEpsilon = 1e-5;
    const std::vector<float> gamma = weights({norm + ".weight", {co}});
    const std::vector<float> variance = weights({norm + ".running_var", {co}});
    std::vector<double> scale(gamma.size());
    for (size_t c = 0; c < scale.size(); c++)
        scale[c] = double(gamma[c]) / std::sqrt(double(variance[c]) + kEpsilon);
    return scale;
}

// Whether such a convolution multiplies two input channels at once, as generators/conv2d_generator.cpp and
// generators/expand_depthwise_generator.cpp decide.
bool reads_pairs(const KernelSpec &spec) {
    const auto number = [&](const char *param) { return std::stoi(spec.params.at(param)); };
    const auto flag = [&](const char *param) {
        const auto found = spec.params.find(param);
        return found != spec.params.end() && found->second == "true";
    };
    return dtype_of(spec) == Dtype::BF16 && !flag("f32_input") && number("ci") / number("groups") % 2 == 0 &&
           (!flag("shift") || number("ci") % 16 == 0);
}

// [co_block, ci, ...] to [2 co_block, ci / 2, ...]: the weights of two neighbours side by side.
PackedConstant in_pairs(PackedConstant packed, int co_block) {
    packed.extents[0] *= 2;
    packed.extents[1] /= 2;
    const size_t width = size_t(co_block);
    std::vector<float> pair(2 * width);
    for (size_t at = 0; at < packed.elements.size(); at += pair.size()) {
        for (size_t c = 0; c < width; c++) {
            pair[2 * c] = packed.elements[at + c];
            pair[2 * c + 1] = packed.elements[at + width + c];
        }
        std::copy(pair.begin(), pair.end(), packed.elements.begin() + long(at));
    }
    return packed;
}

} // namespace

std::vector<float> folded_weights(const Weights &weights, const std::string &conv, const std::string &norm, int co,
                                  int ci_per_group, int kernel) {
    std::vector<float> folded = weights({conv + ".weight", {co, ci_per_group, kernel, kernel}});
    const std::vector<double> scale = batch_norm_scale(weights, norm, co);
    const size_t per_channel = folded.size() / size_t(co);
    for (size_t c = 0; c < size_t(co); c++) {
        float *row = &folded[c * per_channel];
        for (size_t i = 0; i < per_channel; i++)
            row[i] = float(double(row[i]) * scale[c]);
    }
    return folded;
}

std::vector<float> folded_bias(const Weights &weights, const std::string &norm, int co) {
    const std::vector<double> scale = batch_norm_scale(weights, norm, co);
    const std::vector<float> mean = weights({norm + ".running_mean", {co}});
    std::vector<float> bias = weights({norm + ".bias", {co}});
    for (size_t c = 0; c < bias.size(); c++)
        bias[c] = float(double(bias[c]) - double(mean[c]) * scale[c]);
    return bias;
}

PackedConstant pack_conv_weights(const std::vector<float> &weights, int co, int ci_per_group, int kernel, int groups,
                                 int co_block) {
    const int channels = co / groups, blocks = (channels + co_block - 1) / co_block;
    PackedConstant packed;
    packed.extents = {co_block, ci_per_group, kernel, kernel, blocks, groups};
    packed.elements.assign(size_t(co_block) * size_t(ci_per_group * kernel * kernel) * size_t(blocks * groups), 0.0f);
    const size_t taps = size_t(kernel) * size_t(kernel), ci = size_t(ci_per_group), filter = ci * taps;
    const size_t width = size_t(co_block);
    for (int g = 0; g < groups; g++) {
        for (int b = 0; b < blocks; b++) {
            const size_t first = size_t(b) * width, here = std::min(width, size_t(channels) - first);
            const float *source = &weights[(size_t(g) * size_t(channels) + first) * filter];
            float *block = &packed.elements[size_t(g * blocks + b) * filter * width];
            // A few input channels at a time, so that what is written stays in the first cache until it is full lines.
            for (size_t begin = 0; begin < ci; begin += kTile) {
                const size_t end = std::min(ci, begin + kTile);
                for (size_t c = 0; c < here; c++) {
                    const float *row = source + c * filter;
                    for (size_t tap = 0; tap < taps; tap++) {
                        float *to = block + tap * ci * width + c;
                        for (size_t i = begin; i < end; i++)
                            to[i * width] = row[i * taps + tap];
                    }
                }
            }
        }
    }
    return packed;
}

PackedConstant pack_conv_weight_pairs(const std::vector<float> &weights, int co, int ci_per_group, int kernel,
                                      int groups, int co_block) {
    return in_pairs(pack_conv_weights(weights, co, ci_per_group, kernel, groups, co_block), co_block);
}

PackedConstant pack_vendor_weights(const std::vector<float> &weights, int co, int ci_per_group, int kernel, int groups) {
    PackedConstant packed;
    packed.extents = {ci_per_group, kernel, kernel, co / groups, groups, 1};
    packed.elements.resize(weights.size());
    const size_t taps = size_t(kernel) * size_t(kernel), ci = size_t(ci_per_group);
    for (size_t c = 0; c < size_t(co); c++) {
        for (size_t i = 0; i < ci; i++) {
            for (size_t tap = 0; tap < taps; tap++)
                packed.elements[(c * taps + tap) * ci + i] = weights[(c * ci + i) * taps + tap];
        }
    }
    return packed;
}

PackedConstant pack_conv2d_bias(const std::vector<float> &bias, int co, int groups, const KernelEntry &entry) {
    if (!entry.vendor.empty()) return {{co / groups, groups, 1}, bias};
    return pack_conv_bias(bias, co, groups, knob_of(entry, "co_block"));
}

PackedConstant pack_conv2d_weights(const std::vector<float> &weights, int co, int ci_per_group, int kernel, int groups,
                                   const KernelEntry &entry) {
    if (!entry.vendor.empty()) return pack_vendor_weights(weights, co, ci_per_group, kernel, groups);
    const int algorithm = knob_of(entry, "algorithm"), co_block = knob_of(entry, "co_block");
    const auto strided = entry.spec.params.find("stride"); // kernels at listed pixels have none
    const int stride = strided == entry.spec.params.end() ? 1 : std::stoi(strided->second);
    PackedConstant packed =
        algorithm == kDirect ? pack_conv_weights(weights, co, ci_per_group, kernel, groups, co_block)
                             : pack_winograd_weights(weights, co, ci_per_group, groups, co_block, algorithm, stride);
    // As generators/conv2d_generator.cpp decides.
    const bool pairs = reads_pairs(entry.spec) && (algorithm == kDirect || (algorithm == 2 && stride == 1));
    return pairs ? in_pairs(std::move(packed), co_block) : packed;
}

PackedConstant pack_stem_weights(const std::vector<float> &weights, int co, const KernelEntry &entry) {
    constexpr int kKernel = 7, kRow = 3 * kKernel;
    const int co_block = knob_of(entry, "co_block");
    if (knob_of(entry, "algorithm") != kDirect) return pack_column_weights(weights, co, 3, co_block);
    const PackedConstant single = pack_conv_weights(weights, co, 3, kKernel, 1, co_block);
    if (dtype_of(entry.spec) != Dtype::BF16) return single;
    // A row as one column of 21 channels, and one that is zero.
    const int blocks = single.extents[4];
    const size_t row = size_t(kRow) * size_t(co_block), pairs = row + size_t(co_block);
    PackedConstant packed;
    packed.extents = {co_block, kRow + 1, 1, kKernel, blocks, 1};
    packed.elements.assign(pairs * size_t(kKernel * blocks), 0.0f);
    for (size_t r = 0; r < size_t(kKernel * blocks); r++)
        std::copy_n(&single.elements[r * row], row, &packed.elements[r * pairs]);
    return in_pairs(std::move(packed), co_block);
}

PackedConstant pack_expansion_weights(const std::vector<float> &weights, int co, int ci_per_group, int groups,
                                      const KernelEntry &entry) {
    const auto pack = reads_pairs(entry.spec) ? pack_conv_weight_pairs : pack_conv_weights;
    return pack(weights, co, ci_per_group, 1, groups, knob_of(entry, "co_block"));
}

int knob_of(const KernelEntry &entry, const std::string &knob) {
    const auto found = entry.knobs.find(knob);
    if (found == entry.knobs.end()) throw Error("kernel " + entry.symbol + ": its manifest names no " + knob);
    return found->second;
}

PackedConstant pack_conv_bias(const std::vector<float> &bias, int co, int groups, int co_block) {
    const int channels = co / groups, blocks = (channels + co_block - 1) / co_block;
    PackedConstant packed;
    packed.extents = {co_block, blocks, groups};
    packed.elements.assign(size_t(co_block) * size_t(blocks * groups), 0.0f);
    for (int c = 0; c < co; c++) {
        const int g = c / channels, inner = c % channels;
        packed.elements[size_t(g * blocks * co_block + inner)] = bias[size_t(c)];
    }
    return packed;
}

PackedConstant pack_depthwise_weights(const std::vector<float> &weights, int channels, int kernel) {
    const size_t taps = size_t(kernel) * size_t(kernel);
    PackedConstant packed;
    packed.extents = {channels, kernel, kernel};
    packed.elements.resize(weights.size());
    for (size_t c = 0; c < size_t(channels); c++) {
        for (size_t tap = 0; tap < taps; tap++) {
            packed.elements[tap * size_t(channels) + c] = weights[c * taps + tap];
        }
    }
    return packed;
}

PackedConstant pack_blocked_depthwise_weights(const std::vector<float> &weights, int channels, int kernel, int groups,
                                              int co_block) {
    PackedConstant packed = pack_conv_weights(weights, channels, 1, kernel, groups, co_block);
    packed.extents.erase(packed.extents.begin() + 1); // one input channel
    return packed;
}

PackedConstant pack_linear_weights(const std::vector<float> &weights, int out, int in, int co_block) {
    PackedConstant packed = pack_conv_weights(weights, out, in, 1, 1, co_block);
    packed.extents = {co_block, in, packed.extents[4]};
    return packed;
}

PackedConstant pack_linear_bias(const std::vector<float> &bias, int co_block) {
    PackedConstant packed = pack_conv_bias(bias, int(bias.size()), 1, co_block);
    packed.extents.pop_back();
    return packed;
}

} // namespace afnet
