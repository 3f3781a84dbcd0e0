#include "tests/reference/head_gradients.h"

#include <algorithm>
#include <cmath>

namespace afnet::reference {

double activated(const std::string &activation, double v) {
    if (activation == "relu") return std::max(v, 0.0);
    if (activation == "hswish") return h_swish(v);
    if (activation == "hsigmoid") return h_sigmoid(v);
    if (activation == "sigmoid") return sigmoid(v);
    require(activation == "linear", "activated: a known activation");
    return v;
}

double activation_slope(const std::string &activation, double v) {
    const bool inside = v > -3 && v < 3;
    if (activation == "relu") return v > 0;
    if (activation == "hswish") return h_sigmoid(v) + (inside ? v / 6 : 0);
    if (activation == "hsigmoid") return inside ? 1.0 / 6 : 0;
    if (activation == "sigmoid") return sigmoid(v) * sigmoid(-v);
    return 1;
}

Tensor4 activated(const std::string &activation, Tensor4 values) {
    for (double &v : values.data)
        v = activated(activation, v);
    return values;
}

Tensor4 upsampled_mean_gradient(const Tensor4 &d_mean, int width, int height, int fine_width, int fine_height) {
    Tensor4 gradient(d_mean.c, width, height, d_mean.f);
    for (int f = 0; f < d_mean.f; f++)
        for (int y = 0; y < fine_height; y++)
            for (int x = 0; x < fine_width; x++)
                for (int c = 0; c < d_mean.c; c++)
                    gradient.at(c, x * width / fine_width, y * height / fine_height, f) +=
                        d_mean.at(c, 0, 0, f) / (double(fine_width) * fine_height);
    return gradient;
}

Tensor4 global_mean_gradient(const Tensor4 &d_mean, int width, int height) {
    return upsampled_mean_gradient(d_mean, width, height, width, height);
}

Tensor4 fusion(const std::string &activation, const Tensor4 &ample, const Tensor4 &focal, const Tensor4 &theta) {
    return activated(activation, blend(theta, upsample_nearest(ample, focal.x, focal.y), focal));
}

FusionGradient fusion_gradient(const std::string &activation, const Tensor4 &ample, const Tensor4 &focal,
                               const Tensor4 &theta, const Tensor4 &d_output) {
    FusionGradient d{Tensor4(ample.c, ample.x, ample.y, ample.f), Tensor4(focal.c, focal.x, focal.y, focal.f),
                     Tensor4(theta.c, 1, 1, theta.f)};
    const Tensor4 sum = blend(theta, upsample_nearest(ample, focal.x, focal.y), focal);
    for (int f = 0; f < focal.f; f++)
        for (int y = 0; y < focal.y; y++)
            for (int x = 0; x < focal.x; x++)
                for (int c = 0; c < focal.c; c++) {
                    const int X = x * ample.x / focal.x, Y = y * ample.y / focal.y;
                    const double g = d_output.at(c, x, y, f) * activation_slope(activation, sum.at(c, x, y, f));
                    const double gate = theta.at(c, 0, 0, f);
                    d.focal.at(c, x, y, f) = (1 - gate) * g;
                    d.ample.at(c, X, Y, f) += gate * g;
                    d.theta.at(c, 0, 0, f) += g * (ample.at(c, X, Y, f) - focal.at(c, x, y, f));
                }
    return d;
}

FusionGradient addition_gradient(const std::string &activation, const Tensor4 &ample, const Tensor4 &focal,
                                 const Tensor4 &d_output) {
    FusionGradient d{Tensor4(ample.c, ample.x, ample.y, ample.f), Tensor4(focal.c, focal.x, focal.y, focal.f), {}};
    const Tensor4 sum = add(upsample_nearest(ample, focal.x, focal.y), focal);
    for (int f = 0; f < focal.f; f++)
        for (int y = 0; y < focal.y; y++)
            for (int x = 0; x < focal.x; x++)
                for (int c = 0; c < focal.c; c++) {
                    const double g = d_output.at(c, x, y, f) * activation_slope(activation, sum.at(c, x, y, f));
                    d.focal.at(c, x, y, f) = g;
                    d.ample.at(c, x * ample.x / focal.x, y * ample.y / focal.y, f) += g;
                }
    return d;
}

ScaleGradient scale_gradient(const std::string &activation, const Tensor4 &input, const Tensor4 &gate,
                             const Tensor4 &d_output) {
    ScaleGradient d{input, Tensor4(gate.c, 1, 1, gate.f)};
    for (int f = 0; f < input.f; f++)
        for (int y = 0; y < input.y; y++)
            for (int x = 0; x < input.x; x++)
                for (int c = 0; c < input.c; c++) {
                    const double v = input.at(c, x, y, f), factor = gate.at(c, 0, 0, f);
                    const double g = d_output.at(c, x, y, f) * activation_slope(activation, factor * v);
                    d.input.at(c, x, y, f) = factor * g;
                    d.gate.at(c, 0, 0, f) += g * v;
                }
    return d;
}

Tensor4 linear_layer(const Tensor4 &input, const Tensor4 &weights, const Tensor4 &bias) {
    Tensor4 output(weights.c, 1, 1, input.f);
    for (int f = 0; f < input.f; f++)
        for (int k = 0; k < weights.c; k++) {
            output.at(k, 0, 0, f) = bias.at(k, 0, 0, 0);
            for (int c = 0; c < input.c; c++)
                output.at(k, 0, 0, f) += weights.at(k, 0, 0, c) * input.at(c, 0, 0, f);
        }
    return output;
}

LinearGradient linear_gradient(const std::string &activation, const Tensor4 &input, const Tensor4 &weights,
                               const Tensor4 &bias, const Tensor4 &d_output) {
    LinearGradient d{Tensor4(input.c, 1, 1, input.f), Tensor4(weights.c, 1, 1, weights.f), Tensor4(bias.c, 1, 1, 1)};
    const Tensor4 sum = linear_layer(input, weights, bias);
    for (int f = 0; f < input.f; f++)
        for (int k = 0; k < weights.c; k++) {
            const double g = d_output.at(k, 0, 0, f) * activation_slope(activation, sum.at(k, 0, 0, f));
            d.bias.at(k, 0, 0, 0) += g;
            for (int c = 0; c < input.c; c++) {
                d.weights.at(k, 0, 0, c) += g * input.at(c, 0, 0, f);
                d.input.at(c, 0, 0, f) += g * weights.at(k, 0, 0, c);
            }
        }
    return d;
}

ConsensusLoss consensus_loss(const Tensor4 &logits, const std::vector<int> &labels, double smoothing) {
    const int clips = int(labels.size()), frames = logits.f / clips, classes = logits.c;
    ConsensusLoss result;
    result.clip_logits = clip_mean(logits, frames);
    result.d_logits = Tensor4(classes, 1, 1, logits.f);
    for (int n = 0; n < clips; n++) {
        const double *z = result.clip_logits.pixel(0, 0, n), largest = *std::max_element(z, z + classes);
        double total = 0, loss = 0;
        for (int k = 0; k < classes; k++)
            total += std::exp(z[k] - largest);
        for (int k = 0; k < classes; k++) {
            const double wanted = (k == labels[size_t(n)] ? 1 - smoothing : 0) + smoothing / classes;
            loss -= wanted * (z[k] - largest - std::log(total));
            for (int t = 0; t < frames; t++)
                result.d_logits.at(k, 0, 0, t + frames * n) =
                    (std::exp(z[k] - largest) / total - wanted) / frames / clips;
        }
        result.losses.push_back(loss);
        result.mean += loss / clips;
    }
    return result;
}

NavigationState navigate(const NavigationCase &in) {
    const int frames = in.pooled.f, positions = in.gate_bias.f;
    NavigationState s{linear_layer(in.pooled, in.pool_weights, Tensor4(2, 1, 1, 1)),
                      in.given_mean,
                      in.given_variance,
                      Tensor4(2, 1, 1, frames),
                      Tensor4(frames, 1, 1, 1),
                      Tensor4(frames, 1, 1, 1),
                      Tensor4(frames, 1, 1, 1)};
    if (!in.statistics_given) {
        s.mean = s.variance = Tensor4(2, 1, 1, 1);
        for (int j = 0; j < 2; j++) {
            for (int f = 0; f < frames; f++)
                s.mean.data[size_t(j)] += s.projection.at(j, 0, 0, f) / frames;
            for (int f = 0; f < frames; f++)
                s.variance.data[size_t(j)] +=
                    std::pow(s.projection.at(j, 0, 0, f) - s.mean.data[size_t(j)], 2) / frames;
        }
    }
    for (int f = 0; f < frames; f++) {
        double z[2], noisy[2];
        for (size_t j = 0; j < 2; j++) {
            const double normal =
                (s.projection.at(int(j), 0, 0, f) - s.mean.data[j]) / std::sqrt(s.variance.data[j] + kBatchNormEpsilon);
            z[j] = std::max(in.gamma.data[j] * normal + in.beta.data[j], 0.0);
        }
        for (int k = 0; k < 2; k++) {
            const int t = f % positions;
            double &logit = s.logits.at(k, 0, 0, f);
            logit = in.gate_bias.at(k, 0, 0, t);
            for (int j = 0; j < 2; j++)
                logit += in.gate_weights.at(j, k, t, 0) * z[j];
            noisy[k] = logit - std::log(1e-10 - std::log(in.uniform.at(k, 0, 0, f) + 1e-10));
        }
        const size_t i = size_t(f);
        s.margin.data[i] = noisy[1] - noisy[0];
        s.soft.data[i] = sigmoid(s.margin.data[i] / in.temperature);
        s.mask.data[i] = s.margin.data[i] > 0;
    }
    return s;
}

NavigationGradient navigation_gradient(const NavigationCase &in, const Tensor4 &d_mask) {
    const NavigationState s = navigate(in);
    const int frames = in.pooled.f, positions = in.gate_bias.f;
    NavigationGradient d{
        Tensor4(in.pooled.c, 1, 1, frames), Tensor4(2, 1, 1, in.pooled.c), Tensor4(2, 1, 1, 1), Tensor4(2, 1, 1, 1),
        Tensor4(2, 2, positions, 1),        Tensor4(2, 1, 1, positions)};
    Tensor4 d_normal(2, 1, 1, frames), normal(2, 1, 1, frames);
    for (int f = 0; f < frames; f++) {
        const int t = f % positions;
        const double v = s.margin.data[size_t(f)] / in.temperature;
        const double d_margin = d_mask.data[size_t(f)] * sigmoid(v) * sigmoid(-v) / in.temperature;
        for (int j = 0; j < 2; j++) {
            const size_t i = size_t(j);
            normal.at(j, 0, 0, f) =
                (s.projection.at(j, 0, 0, f) - s.mean.data[i]) / std::sqrt(s.variance.data[i] + kBatchNormEpsilon);
            const double bent = in.gamma.data[i] * normal.at(j, 0, 0, f) + in.beta.data[i];
            double d_bent = 0;
            for (int k = 0; k < 2; k++) {
                const double d_logit = k == 1 ? d_margin : -d_margin;
                d.gate_weights.at(j, k, t, 0) += d_logit * std::max(bent, 0.0);
                if (bent > 0) d_bent += d_logit * in.gate_weights.at(j, k, t, 0);
                if (j == 0) d.gate_bias.at(k, 0, 0, t) += d_logit;
            }
            d.gamma.data[i] += d_bent * normal.at(j, 0, 0, f);
            d.beta.data[i] += d_bent;
            d_normal.at(j, 0, 0, f) = d_bent * in.gamma.data[i];
        }
    }
    for (int j = 0; j < 2; j++) {
        double sum = 0, along = 0;
        for (int f = 0; f < frames; f++) {
            sum += d_normal.at(j, 0, 0, f) / frames;
            along += d_normal.at(j, 0, 0, f) * normal.at(j, 0, 0, f) / frames;
        }
        for (int f = 0; f < frames; f++) {
            double d_projection = d_normal.at(j, 0, 0, f);
            if (!in.statistics_given) d_projection -= sum + normal.at(j, 0, 0, f) * along;
            d_projection /= std::sqrt(s.variance.data[size_t(j)] + kBatchNormEpsilon);
            for (int c = 0; c < in.pooled.c; c++) {
                d.pooled.at(c, 0, 0, f) += d_projection * in.pool_weights.at(j, 0, 0, c);
                d.pool_weights.at(j, 0, 0, c) += d_projection * in.pooled.at(c, 0, 0, f);
            }
        }
    }
    return d;
}

} // namespace afnet::reference
