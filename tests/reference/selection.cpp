#include "tests/reference/selection.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace afnet::reference {

namespace {

constexpr int kCategories = 2;
constexpr double kGumbelEpsilon = 1e-10; // keeps both logarithms finite for u in [0, 1]

} // namespace

Tensor4 navigation_logits(const Tensor4 &input, const NavigationWeights &weights) {
    const int clip_frames = static_cast<int>(weights.affine_bias.size()) / kCategories;
    require(clip_frames > 0 && input.f % clip_frames == 0, "navigation_logits: whole clips");
    const Tensor4 pooled = linear(global_mean(input), weights.pool, {}, kCategories);
    const Tensor4 z = relu(apply(fold(weights.batch_norm), pooled));
    Tensor4 logits(kCategories, 1, 1, input.f);
    for (int f = 0; f < input.f; f++) {
        for (int k = 0; k < kCategories; k++) {
            const int row = kCategories * (f % clip_frames) + k;
            const float *matrix = weights.affine.data() + kCategories * row;
            logits.at(k, 0, 0, f) =
                matrix[0] * z.at(0, 0, 0, f) + matrix[1] * z.at(1, 0, 0, f) + weights.affine_bias[row];
        }
    }
    return logits;
}

std::vector<double> gumbel_noise(const std::vector<float> &uniforms) {
    std::vector<double> noise;
    for (double u : uniforms)
        noise.push_back(-std::log(kGumbelEpsilon - std::log(u + kGumbelEpsilon)));
    return noise;
}

Gate select_frames(const Tensor4 &logits, const std::vector<double> &noise) {
    require(logits.data.size() == static_cast<size_t>(kCategories) * logits.f, "select_frames: two logits per frame");
    require(noise.empty() || noise.size() == logits.data.size(), "select_frames: noise for every logit");
    Gate gate;
    for (int f = 0; f < logits.f; f++) {
        const double leave_out = logits.at(0, 0, 0, f), select = logits.at(1, 0, 0, f);
        gate.margin.push_back(select - leave_out);
        const bool selected = noise.empty() ? select > leave_out : select + noise[2 * f + 1] > leave_out + noise[2 * f];
        gate.mask.push_back(selected ? 1.0 : 0.0);
    }
    return gate;
}

WorkList work_list(const std::vector<double> &mask) {
    WorkList list;
    list.frames.resize(mask.size());
    std::iota(list.frames.begin(), list.frames.end(), 0);
    const auto selected = [&](int f) { return mask[f] != 0.0; };
    const auto end = std::stable_partition(list.frames.begin(), list.frames.end(), selected);
    list.count = static_cast<int>(end - list.frames.begin());
    return list;
}

} // namespace afnet::reference
