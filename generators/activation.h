// Activations that kernels apply in their epilogue.
#pragma once

#include <map>
#include <string>

#include "Halide.h"

namespace afnet::generators {

enum class Activation { Linear, Relu, HSwish, Sigmoid, HSigmoid };

/// Names as kernel specs spell them.
inline const std::map<std::string, Activation> &activation_names() {
    static const std::map<std::string, Activation> names = {{"linear", Activation::Linear},
                                                            {"relu", Activation::Relu},
                                                            {"hswish", Activation::HSwish},
                                                            {"sigmoid", Activation::Sigmoid},
                                                            {"hsigmoid", Activation::HSigmoid}};
    return names;
}

/// AFNET_SPEC §4: h_sigmoid(v) = ReLU6(v + 3) / 6 and h_swish(v) = v h_sigmoid(v).
inline Halide::Expr activate(Activation activation, Halide::Expr v) {
    using Halide::cast;
    const Halide::Type type = v.type();
    const auto constant = [&](double x) { return Halide::Internal::make_const(type, x); };
    const auto hsigmoid = [&] { return Halide::clamp(v + constant(3), constant(0), constant(6)) * constant(1.0 / 6); };
    switch (activation) {
    case Activation::Linear: return v;
    case Activation::Relu: return Halide::max(v, constant(0));
    case Activation::HSwish: return v * hsigmoid();
    case Activation::Sigmoid: return constant(1) / (constant(1) + Halide::exp(-v));
    case Activation::HSigmoid: return hsigmoid();
    }
    return v;
}

}  // namespace afnet::generators
