// Batch normalisation in training by its definition, in double: statistics of the batch, what follows from them, and
// the gradients of all of it.
#pragma once

#include <string>
#include <vector>

#include "tests/reference/tensor4.h"

namespace afnet::reference {

/// Of every channel, over all pixels of all frames; the variance biased.
struct Moments {
    std::vector<double> mean, variance;
};

Moments moments(const Tensor4 &input);

/// The running statistics after a batch of `count` values per channel.
Moments running_moments(const Moments &before, const Moments &batch, double momentum, int count);

/// What a layer of batch normalisation is given, and what follows it: `activation` is linear, relu or hswish.
struct BatchNormLayer {
    Tensor4 input;
    Moments statistics;
    std::vector<double> gamma, beta;
    std::string activation;
    const Tensor4 *residual = nullptr; // added before the activation
};

/// (input - mean) / sqrt(variance + epsilon)
Tensor4 normalized(const BatchNormLayer &layer);
Tensor4 before_activation(const BatchNormLayer &layer);
Tensor4 batch_norm_output(const BatchNormLayer &layer);

struct BatchNormGradients {
    Tensor4 before_activation; // g: also the residual's
    std::vector<double> gamma, beta;
    Tensor4 input;
};

/// `frozen`: the statistics are constants, not the input's.
BatchNormGradients batch_norm_gradients(const BatchNormLayer &layer, const Tensor4 &d_output, bool frozen);

} // namespace afnet::reference
