// Activations in training: in a form that autodiff derives as PyTorch does where they bend, and their slopes.
#pragma once

#include "generators/activation.h"

namespace afnet::generators {

/// The same function as activate(). relu'(0) = 0 and relu6'(0) = relu6'(6) = 0, as in PyTorch; autodiff alone would
/// give one where max(v, 0) ties. No intermediate value overflows, whatever v is, so that no derivative is 0 times
/// infinity.
inline Halide::Expr differentiable_activation(Activation activation, const Halide::Expr &v) {
    const auto constant = [&](double x) { return Halide::Internal::make_const(v.type(), x); };
    const auto hsigmoid = [&] {
        return Halide::select(v <= constant(-3), constant(0), v >= constant(3), constant(1),
                              (v + constant(3)) * constant(1.0 / 6));
    };
    switch (activation) {
    case Activation::Linear:
        return v;
    case Activation::Relu:
        return Halide::select(v > constant(0), v, constant(0));
    case Activation::HSwish:
        return v * hsigmoid();
    case Activation::Sigmoid: {
        const Halide::Expr positive = v >= constant(0), small = Halide::exp(-Halide::select(positive, v, -v));
        return Halide::select(positive, constant(1), small) / (constant(1) + small);
    }
    case Activation::HSigmoid:
        return hsigmoid();
    }
    return v;
}

/// The derivative at v, in closed form.
inline Halide::Expr slope(Activation activation, const Halide::Expr &v) {
    const auto constant = [&](double x) { return Halide::Internal::make_const(v.type(), x); };
    const Halide::Expr low = v <= constant(-3), high = v >= constant(3);
    switch (activation) {
    case Activation::Linear:
        return constant(1);
    case Activation::Relu:
        return Halide::select(v > constant(0), constant(1), constant(0));
    case Activation::HSwish:
        return Halide::select(low, constant(0), high, constant(1), (v + v + constant(3)) * constant(1.0 / 6));
    case Activation::Sigmoid: {
        const Halide::Expr value = differentiable_activation(activation, v);
        return value * (constant(1) - value);
    }
    case Activation::HSigmoid:
        return Halide::select(low || high, constant(0), constant(1.0 / 6));
    }
    return constant(1);
}

/// The derivative where the activation's value is `output`. h_swish is not monotonic: it has none.
inline Halide::Expr slope_from_output(Activation activation, const Halide::Expr &output) {
    const auto constant = [&](double x) { return Halide::Internal::make_const(output.type(), x); };
    switch (activation) {
    case Activation::Linear:
        return constant(1);
    case Activation::Relu:
        return Halide::select(output > constant(0), constant(1), constant(0));
    case Activation::Sigmoid:
        return output * (constant(1) - output);
    case Activation::HSigmoid: {
        // The compiler may write clamp(v + 3, 0, 6) / 6 as clamp(v, -3, 3) / 6 + 1/2, whose ends are off by a rounding.
        const double end = output.type().bits() == 64 ? 1e-15 : 4e-7;
        return Halide::select(output > constant(end) && output < constant(1 - end), constant(1.0 / 6), constant(0));
    }
    case Activation::HSwish:
        break;
    }
    throw Halide::CompileError("the slope of this activation does not follow from its value");
}

} // namespace afnet::generators
