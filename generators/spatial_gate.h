// The gates of the spatial navigation in training, as one differentiable definition (AFNet eq. 15; AFNET_SPEC §11, the
// Gumbel selection as in §2.6).
//
//   logits(k, i, j, f) = bias(k) + sum_c weights(k, c) pooled(c, i, j, f)
//   soft(i, j, f)      = sigmoid((logits(1) + g(1) - logits(0) - g(0)) / temperature)
//   mask(i, j, f)      = [logits(1) + g(1) > logits(0) + g(0)]
//
// with Gumbel noise g = -ln(eps - ln(u + eps)), eps = 1e-10. The mask's gradient goes to `soft` (straight-through).
#pragma once

#include "generators/activation_gradient.h"

namespace afnet::generators {

/// Views of a gate's inputs, all of one type.
struct SpatialGateInputs {
    Halide::Func pooled;        // [c, i, j, f]
    Halide::Func weights, bias; // [k, c], [k]
    Halide::Func uniform;       // [k, i, j, f]
    Halide::Expr temperature, channels;
};

struct SpatialGateStages {
    Halide::Func logits{"gate"}, perturbed{"perturbed"}; // [k, i, j, f]
    Halide::Func soft{"soft_mask"};                      // [i, j, f]
};

inline SpatialGateStages spatial_gate_stages(const SpatialGateInputs &in) {
    const auto constant = [&](double x) { return Halide::Internal::make_const(in.temperature.type(), x); };
    Halide::Var k("k"), i("i"), j("j"), f("f");
    const Halide::RDom channel(0, in.channels, "channel");
    SpatialGateStages s;
    s.logits(k, i, j, f) = in.bias(k);
    s.logits(k, i, j, f) += in.weights(k, channel) * in.pooled(channel, i, j, f);
    const Halide::Expr epsilon = constant(1e-10);
    s.perturbed(k, i, j, f) =
        s.logits(k, i, j, f) - Halide::log(epsilon - Halide::log(in.uniform(k, i, j, f) + epsilon));
    s.soft(i, j, f) = differentiable_activation(Activation::Sigmoid,
                                                (s.perturbed(1, i, j, f) - s.perturbed(0, i, j, f)) / in.temperature);
    return s;
}

} // namespace afnet::generators
