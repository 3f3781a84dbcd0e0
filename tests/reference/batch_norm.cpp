#include "tests/reference/batch_norm.h"

#include <algorithm>
#include <cmath>

#include "tests/reference/operators.h"

namespace afnet::reference {

namespace {

// Calls visit(element, its channel).
template <class Visit> void for_each(const Tensor4 &tensor, Visit visit) {
    for (size_t i = 0; i < tensor.data.size(); i++)
        visit(i, i % size_t(tensor.c));
}

double per_channel(const Tensor4 &tensor) {
    return double(tensor.x) * tensor.y * tensor.f;
}

double slope(const std::string &activation, double before) {
    if (activation == "relu") return before > 0 ? 1 : 0;
    if (activation == "hswish") return before <= -3 ? 0 : before >= 3 ? 1 : (2 * before + 3) / 6;
    require(activation == "linear", "batch norm: an activation that follows it");
    return 1;
}

} // namespace

Moments moments(const Tensor4 &input) {
    Moments result{std::vector<double>(size_t(input.c)), std::vector<double>(size_t(input.c))};
    const double n = per_channel(input);
    for_each(input, [&](size_t i, size_t c) { result.mean[c] += input.data[i] / n; });
    for_each(input, [&](size_t i, size_t c) {
        result.variance[c] += (input.data[i] - result.mean[c]) * (input.data[i] - result.mean[c]) / n;
    });
    return result;
}

Moments running_moments(const Moments &before, const Moments &batch, double momentum, int count) {
    Moments result = before;
    for (size_t c = 0; c < result.mean.size(); c++) {
        const double unbiased = batch.variance[c] * count / std::max(count - 1, 1);
        result.mean[c] = (1 - momentum) * before.mean[c] + momentum * batch.mean[c];
        result.variance[c] = (1 - momentum) * before.variance[c] + momentum * unbiased;
    }
    return result;
}

Tensor4 normalized(const BatchNormLayer &layer) {
    Tensor4 result = layer.input;
    for_each(result, [&](size_t i, size_t c) {
        const double deviation = std::sqrt(layer.statistics.variance[c] + kBatchNormEpsilon);
        result.data[i] = (result.data[i] - layer.statistics.mean[c]) / deviation;
    });
    return result;
}

Tensor4 before_activation(const BatchNormLayer &layer) {
    Tensor4 result = normalized(layer);
    for_each(result, [&](size_t i, size_t c) { result.data[i] = layer.gamma[c] * result.data[i] + layer.beta[c]; });
    return layer.residual ? add(std::move(result), *layer.residual) : result;
}

Tensor4 batch_norm_output(const BatchNormLayer &layer) {
    Tensor4 result = before_activation(layer);
    if (layer.activation == "relu") return relu(std::move(result));
    if (layer.activation == "hswish") return h_swish(std::move(result));
    return result;
}

BatchNormGradients batch_norm_gradients(const BatchNormLayer &layer, const Tensor4 &d_output, bool frozen) {
    const size_t channels = size_t(layer.input.c);
    BatchNormGradients d{before_activation(layer), std::vector<double>(channels), std::vector<double>(channels),
                         layer.input};
    const Tensor4 xhat = normalized(layer);
    for_each(d_output, [&](size_t i, size_t c) {
        double &g = d.before_activation.data[i];
        g = d_output.data[i] * slope(layer.activation, g);
        d.gamma[c] += g * xhat.data[i];
        d.beta[c] += g;
    });
    const double n = per_channel(layer.input);
    for_each(d_output, [&](size_t i, size_t c) {
        const double through_statistics = frozen ? 0 : (d.beta[c] + xhat.data[i] * d.gamma[c]) / n;
        d.input.data[i] = layer.gamma[c] / std::sqrt(layer.statistics.variance[c] + kBatchNormEpsilon) *
                          (d.before_activation.data[i] - through_statistics);
    });
    return d;
}

} // namespace afnet::reference
