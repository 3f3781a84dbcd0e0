// A layer of batch normalisation in training as tests call its kernels, and how large an error of each result may be.
#pragma once

#include <string>
#include <vector>

#include "tests/generators/training_call.h"
#include "tests/reference/batch_norm.h"

namespace afnet {

using reference::BatchNormGradients;
using reference::BatchNormLayer;

struct Shape {
    int c, x, y, f;
};

/// scale * v + offset for v in [-1, 1), as `dtype` stores them; the name chooses them.
Tensor4 numbers(const Shape &shape, const std::string &name, double scale, double offset, Dtype dtype);
std::vector<double> channels(int count, const std::string &name, double scale, double offset, Dtype dtype);

/// A layer and its tensors as `dtype` stores them, statistics included.
struct BatchNormCase {
    BatchNormCase(const Shape &shape, const std::string &activation, bool add_residual, Dtype dtype);
    BatchNormCase(const BatchNormCase &) = delete; // the layer points to `residual`

    /// With the inputs that all kernels of a layer have.
    TrainingCall call(KernelSpec spec, Dtype dtype) const;
    /// Of a gradient: also what the other kernel and a ReLU's output say.
    TrainingCall gradient(const KernelSpec &spec, Dtype dtype) const;

    Tensor4 residual, d_output, output;
    BatchNormLayer layer;
};

/// What errors are measured by: the same sums over absolute values.
Tensor4 output_size(const BatchNormLayer &layer);
BatchNormGradients gradient_sizes(const BatchNormCase &test, const BatchNormGradients &gradients, bool frozen);

} // namespace afnet
