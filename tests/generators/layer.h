// A convolution with BatchNorm: what it is by definition, in double, and what a kernel is given of it.
#pragma once

#include <string>
#include <vector>

#include "model/packing.h"
#include "runtime/kernel_library.h"
#include "tests/frame_memory.h"
#include "tests/reference/convolution.h"
#include "tests/reference/operators.h"

namespace afnet {

Tensor4 activate(const std::string &activation, Tensor4 values);

/// The largest |actual - expected| as a fraction of what rounding may do, element by element; infinite where a value
/// is not finite or shapes differ.
///
/// With u = 2^-24, a sum of `terms` products in any order, fused or not, is off by at most terms u S, where S, given as
/// `magnitude`, is the same sum over absolute values. Folding rounds each weight and the bias once; scale, residual
/// and activation add fewer than six roundings more; h_swish, the steepest activation, stretches an error 1.5 times.
///
/// With bf16 the result is rounded once more, to a bfloat16 with its 8 bits: by at most 2^-8 of what it is.
double rounding_error(const Tensor4 &actual, const Tensor4 &expected, const Tensor4 &magnitude, int terms,
                      Dtype dtype = Dtype::F32);

/// The layer of which model/recipe.h gives the parameters `conv.weight`, `norm.weight`, and so on.
class Layer {
public:
    Layer(int ci, const reference::Convolution &shape, const std::string &activation, uint64_t seed = 1);

    /// activation(BatchNorm(convolution(input)) + residual)
    Tensor4 output(const Tensor4 &input, const Tensor4 *residual = nullptr) const;
    /// The same sum over absolute values, without activation: for rounding_error.
    Tensor4 magnitude(const Tensor4 &input, const Tensor4 *residual = nullptr) const;

    /// The layer that `kernel` computes: with folded weights as it reads them, rounded where it multiplies bfloat16.
    Layer as_read_by(const Kernel &kernel) const;

    /// Parameters by their keys, as packing asks for them.
    Weights weights() const;
    std::vector<float> weights_folded() const;
    std::vector<float> bias_folded() const;
    int terms() const { return terms_; }

private:
    Tensor4 sum(const Tensor4 &input, const Tensor4 *residual, const std::vector<float> &weight,
                const reference::ChannelAffine &affine) const;

    reference::Convolution shape_;
    std::string activation_;
    uint64_t seed_;
    int terms_;
    std::vector<float> weight_;
    reference::BatchNorm norm_;
};

/// The layer of a conv2d, depthwise or stem spec.
Layer layer_of(const KernelSpec &spec);

int spec_number(const KernelSpec &spec, const std::string &param);
bool spec_flag(const KernelSpec &spec, const std::string &param);

/// In the element type that the kernel reads its argument `name` in.
FrameBuffer packed_buffer(const PackedConstant &constant, const Kernel &kernel, const std::string &name);
FloatBuffer packed_buffer(const PackedConstant &constant);
/// Whether the kernel reads its argument `name` as bfloat16.
bool reads_bfloat16(const Kernel &kernel, const std::string &name);

}  // namespace afnet
