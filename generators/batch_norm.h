// What the kernels of batch normalisation in training share: n = pixels x frames values per channel, biased variance.
//
//   xhat = (x - mean) / sqrt(variance + 1e-5)        output = act(gamma xhat + beta [+ residual])
#pragma once

#include "Halide.h"
#include "generators/activation.h"
#include "generators/dtype.h"

namespace afnet::generators {

inline Halide::Expr number(const Halide::Type &type, double value) {
    return Halide::Internal::make_const(type, value);
}

/// 1 / sqrt(variance + epsilon)
inline Halide::Expr inverse_deviation(const Halide::Expr &variance) {
    return number(variance.type(), 1) / Halide::sqrt(variance + number(variance.type(), 1e-5));
}

/// The activations that follow a batch normalisation.
inline const std::map<std::string, Activation> &norm_activation_names() {
    static const std::map<std::string, Activation> names = {
        {"linear", Activation::Linear}, {"relu", Activation::Relu}, {"hswish", Activation::HSwish}};
    return names;
}

/// The gradient before the activation from that behind it: of h_swish by its argument `before`, of ReLU by its result
/// `after`. At a kink it is what PyTorch takes: that of the constant side.
inline Halide::Expr activation_gradient(Activation activation, const Halide::Expr &before, const Halide::Expr &after,
                                        const Halide::Expr &gradient) {
    using Halide::select;
    const Halide::Type type = gradient.type();
    if (activation == Activation::Relu) return select(after > number(type, 0), gradient, number(type, 0));
    if (activation == Activation::HSwish) {
        const Halide::Expr slope = before * number(type, 1.0 / 3) + number(type, 0.5);
        return gradient *
               select(before <= number(type, -3), number(type, 0), before >= number(type, 3), number(type, 1), slope);
    }
    return gradient;
}

} // namespace afnet::generators
