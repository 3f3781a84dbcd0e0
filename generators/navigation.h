// The navigation module in training, as one differentiable definition (AFNet eqs. 3-6; AFNET_SPEC §2.5-2.6).
//
//   projection(j, t, n) = sum_c weights(c, j) pooled(c, t, n)
//   z(j, t, n)          = relu(gamma(j) (projection - mean(j)) / sqrt(variance(j) + 1e-5) + beta(j))
//   logits(k, t, n)     = gate_bias(k, t) + sum_j gate_weights(j, k, t) z(j, t, n)
//   soft(t, n)          = sigmoid((logits(1) + g(1) - logits(0) - g(0)) / temperature)
//   mask(t, n)          = [logits(1) + g(1) > logits(0) + g(0)]
//
// with Gumbel noise g = -ln(eps - ln(u + eps)), eps = 1e-10. mean and variance (biased) are over all frames of the
// batch, unless they are given. Frames have two dimensions here, position t and clip n, so that what belongs to a
// position is a sum over clips. The mask's gradient goes to `soft` (straight-through).
#pragma once

#include "generators/activation_gradient.h"

namespace afnet::generators {

/// Views of a navigation kernel's inputs, all of one type.
struct NavigationInputs {
    Halide::Func gamma, beta;                // [j]
    Halide::Func gate_weights, gate_bias;    // [j, k, t], [k, t]
    Halide::Func uniform;                    // [k, t, n]
    Halide::Func given_mean, given_variance; // [j]
    Halide::Expr statistics_given;           // whether they replace the batch's
    Halide::Expr temperature;
    Halide::Expr positions, clips;
};

struct NavigationStages {
    Halide::Func mean{"batch_mean"}, variance{"batch_variance"};         // [j]: of the batch
    Halide::Func used_mean{"used_mean"}, used_variance{"used_variance"}; // [j]: those that normalise
    Halide::Func z{"z"}, logits{"gate"}, perturbed{"perturbed"};         // [j, t, n], [k, t, n], [k, t, n]
    Halide::Func soft{"soft_mask"};                                      // [t, n]
};

/// [j, t, n]
inline Halide::Func navigation_projection(const Halide::Func &pooled, const Halide::Func &weights,
                                          const Halide::RDom &channel, const Halide::Type &type) {
    Halide::Var j("j"), t("t"), n("n");
    Halide::Func sum("sum");
    sum(j, t, n) = Halide::Internal::make_zero(type);
    sum(j, t, n) += weights(channel.x, j) * pooled(channel.x, t, n);
    return sum;
}

/// What follows from the projection.
inline NavigationStages navigation_stages(const Halide::Func &projection, const NavigationInputs &in) {
    using Halide::cast;
    const Halide::Type type = in.temperature.type();
    const auto constant = [&](double x) { return Halide::Internal::make_const(type, x); };
    Halide::Var j("j"), k("k"), t("t"), n("n");
    const Halide::RDom frame(0, in.positions, 0, in.clips, "frame");
    const Halide::Expr frames = cast(type, in.positions * in.clips);

    NavigationStages s;
    s.mean(j) = constant(0);
    s.mean(j) += projection(j, frame.x, frame.y) / frames;
    const Halide::Expr centred = projection(j, frame.x, frame.y) - s.mean(j);
    s.variance(j) = constant(0);
    s.variance(j) += centred * centred / frames;
    s.used_mean(j) = Halide::select(in.statistics_given, in.given_mean(j), s.mean(j));
    s.used_variance(j) = Halide::select(in.statistics_given, in.given_variance(j), s.variance(j));
    const Halide::Expr normal =
        (projection(j, t, n) - s.used_mean(j)) / Halide::sqrt(s.used_variance(j) + constant(1e-5));
    s.z(j, t, n) = differentiable_activation(Activation::Relu, in.gamma(j) * normal + in.beta(j));
    s.logits(k, t, n) =
        in.gate_bias(k, t) + in.gate_weights(0, k, t) * s.z(0, t, n) + in.gate_weights(1, k, t) * s.z(1, t, n);
    const Halide::Expr epsilon = constant(1e-10);
    s.perturbed(k, t, n) = s.logits(k, t, n) - Halide::log(epsilon - Halide::log(in.uniform(k, t, n) + epsilon));
    s.soft(t, n) =
        differentiable_activation(Activation::Sigmoid, (s.perturbed(1, t, n) - s.perturbed(0, t, n)) / in.temperature);
    return s;
}

} // namespace afnet::generators
