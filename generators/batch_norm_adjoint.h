// The gradients of batch normalisation as Halide derives them from its definition: what tests hold the closed forms to.
#pragma once

#include "generators/batch_norm.h"
#include "generators/derivation.h"

namespace afnet::generators {

/// The definition's inputs: [c, x, y, f] and [c].
struct BatchNormDefinition {
    Halide::Func input, mean, variance, gamma, beta, residual, d_output;
    Halide::Expr channels, width, height, frames;
    Halide::Type type;
    Activation activation;
    bool add_residual;
    bool given_statistics; // mean and variance are constants, instead of the input's own
};

struct BatchNormAdjoint {
    Halide::Func d_input, d_residual, d_gamma, d_beta;
};

inline BatchNormAdjoint batch_norm_adjoint(const BatchNormDefinition &d) {
    using namespace Halide;
    Var c("c"), x("x"), y("y"), f("f");
    RDom r(0, d.width, 0, d.height, 0, d.frames);
    const Expr n = cast(d.type, d.width * d.height * d.frames);
    Func input("definition_input"), residual("definition_residual"), gamma("definition_gamma"), beta("definition_beta"),
        mean("definition_mean"), square("definition_square"), after("definition_output");
    input(c, x, y, f) = d.input(c, x, y, f);
    residual(c, x, y, f) = d.residual(c, x, y, f);
    gamma(c) = d.gamma(c);
    beta(c) = d.beta(c);
    Expr center = d.mean(c), variance = d.variance(c);
    if (!d.given_statistics) {
        mean(c) = number(d.type, 0);
        mean(c) += input(c, r.x, r.y, r.z) / n;
        const Expr apart = input(c, r.x, r.y, r.z) - mean(c);
        square(c) = number(d.type, 0);
        square(c) += apart * apart / n;
        center = mean(c);
        variance = square(c);
    }
    Expr value = gamma(c) * (input(c, x, y, f) - center) * inverse_deviation(variance) + beta(c);
    if (d.add_residual) value += residual(c, x, y, f);
    // max(v, 0) has another derivative at 0 than ReLU.
    const Expr zero = number(d.type, 0);
    after(c, x, y, f) =
        d.activation == Activation::Relu ? select(value > zero, value, zero) : activate(d.activation, value);
    const Derivative derivative = propagate_adjoints(
        after, d.d_output, {{0, d.channels - 1}, {0, d.width - 1}, {0, d.height - 1}, {0, d.frames - 1}});
    BatchNormAdjoint adjoint{derivative(input), Func(), derivative(gamma), derivative(beta)};
    if (d.add_residual) adjoint.d_residual = derivative(residual);
    return adjoint;
}

} // namespace afnet::generators
