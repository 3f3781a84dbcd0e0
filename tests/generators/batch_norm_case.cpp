#include "tests/generators/batch_norm_case.h"

#include <algorithm>
#include <cmath>

#include "tests/reference/operators.h"

namespace afnet {

namespace {

Tensor4 normalized_size(const BatchNormLayer &layer) {
    Tensor4 size = layer.input;
    for (size_t i = 0; i < size.data.size(); i++) {
        const size_t c = i % size_t(size.c);
        size.data[i] = (std::abs(size.data[i]) + std::abs(layer.statistics.mean[c])) /
                       std::sqrt(layer.statistics.variance[c] + reference::kBatchNormEpsilon);
    }
    return size;
}

} // namespace

Tensor4 numbers(const Shape &shape, const std::string &name, double scale, double offset, Dtype dtype) {
    Tensor4 tensor = random_frames(shape.c, shape.x, shape.y, shape.f, name);
    for (double &v : tensor.data)
        v = scale * v + offset;
    return as_stored(std::move(tensor), dtype);
}

std::vector<double> channels(int count, const std::string &name, double scale, double offset, Dtype dtype) {
    return numbers({count, 1, 1, 1}, name, scale, offset, dtype).data;
}

BatchNormCase::BatchNormCase(const Shape &shape, const std::string &activation, bool add_residual, Dtype dtype)
    : residual(numbers(shape, "residual", 2, 0, dtype)), d_output(numbers(shape, "d_output", 1, 0, dtype)) {
    layer.input = numbers(shape, "input", 2, 0.7, dtype);
    layer.statistics = reference::moments(layer.input);
    layer.statistics.mean = as_stored(layer.statistics.mean, dtype);
    layer.statistics.variance = as_stored(layer.statistics.variance, dtype);
    layer.gamma = channels(shape.c, "gamma", 1.5, 1, dtype);
    layer.beta = channels(shape.c, "beta", 1.5, 0, dtype);
    layer.activation = activation;
    if (add_residual) layer.residual = &residual;
    output = as_stored(reference::batch_norm_output(layer), dtype);
}

TrainingCall BatchNormCase::call(KernelSpec spec, Dtype dtype) const {
    TrainingCall call(spec.set("activation", layer.activation).set("add_residual", layer.residual != nullptr), dtype);
    call.in("input", layer.input).in("mean", row(layer.statistics.mean)).in("gamma", row(layer.gamma));
    call.in("variance", row(layer.statistics.variance));
    if (layer.residual) call.in("residual", residual);
    return call;
}

TrainingCall BatchNormCase::gradient(const KernelSpec &spec, Dtype dtype) const {
    TrainingCall result = call(spec, dtype);
    result.in("d_output", d_output).in("beta", row(layer.beta));
    if (layer.activation == "relu") result.in("output", output);
    return result;
}

Tensor4 output_size(const BatchNormLayer &layer) {
    Tensor4 size = normalized_size(layer);
    for (size_t i = 0; i < size.data.size(); i++) {
        const size_t c = i % size_t(size.c);
        size.data[i] = std::abs(layer.gamma[c]) * size.data[i] + std::abs(layer.beta[c]);
        if (layer.residual) size.data[i] += std::abs(layer.residual->data[i]);
    }
    return size;
}

// The slope of h_swish is at most 1.5 and changes by a third of what its argument does.
BatchNormGradients gradient_sizes(const BatchNormCase &test, const BatchNormGradients &d, bool frozen) {
    const BatchNormLayer &layer = test.layer;
    const Tensor4 xhat = normalized_size(layer), before = output_size(layer);
    BatchNormGradients size = d;
    std::fill(size.gamma.begin(), size.gamma.end(), 0);
    std::fill(size.beta.begin(), size.beta.end(), 0);
    for (size_t i = 0; i < xhat.data.size(); i++) {
        const size_t c = i % size_t(xhat.c);
        const double steepest = layer.activation == "hswish" ? 1.5 + before.data[i] / 3 : 1;
        size.before_activation.data[i] = std::abs(test.d_output.data[i]) * steepest;
        size.beta[c] += size.before_activation.data[i];
        size.gamma[c] += size.before_activation.data[i] * xhat.data[i];
    }
    const double n = double(xhat.x) * xhat.y * xhat.f;
    for (size_t i = 0; i < xhat.data.size(); i++) {
        const size_t c = i % size_t(xhat.c);
        const double statistics = frozen ? 0 : (std::abs(d.beta[c]) + xhat.data[i] * std::abs(d.gamma[c])) / n;
        size.input.data[i] = std::abs(layer.gamma[c]) * (size.before_activation.data[i] + statistics) /
                             std::sqrt(layer.statistics.variance[c] + reference::kBatchNormEpsilon);
    }
    return size;
}

} // namespace afnet
