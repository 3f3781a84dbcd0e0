// The arguments that both gradient kernels of batch normalisation have, and what both compute from them: g, the
// gradient before the activation.
#pragma once

#include "generators/batch_norm.h"
#include "generators/derivation.h"
#include "generators/layout.h"

namespace afnet::generators {

template <class Self> class BatchNormGradient : public Halide::Generator<Self> {
public:
    template <class T> using GeneratorParam = Halide::GeneratorParam<T>;
    template <class T> using Input = typename Halide::Generator<Self>::template Input<T>;
    using Frames = Halide::Buffer<void, 4>;
    using Channels = Halide::Buffer<void, 1>;

    GeneratorParam<Activation> activation{"activation", Activation::Linear, norm_activation_names()};
    GeneratorParam<bool> add_residual{"add_residual", false};
    GeneratorParam<Derivation> derivation{"derivation", Derivation::Closed, derivation_names()};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};

    Input<Frames> input{"input"};         // [c, x, y, f]
    Input<Frames> output{"output"};       // [c, x, y, f], of the forward kernel; read with ReLU
    Input<Frames> d_output{"d_output"};   // [c, x, y, f]
    Input<Channels> mean{"mean"};         // [c]
    Input<Channels> variance{"variance"}; // [c]
    Input<Channels> gamma{"gamma"};       // [c]
    Input<Channels> beta{"beta"};         // [c], read with h_swish
    Input<Frames> residual{"residual"};   // [c, x, y, f], read with h_swish and `add_residual`

protected:
    void configure_inputs() {
        const Halide::Type type = element_type(dtype);
        for (auto *buffer : {&input, &output, &d_output, &residual})
            buffer->set_type(type);
        for (auto *buffer : {&mean, &variance, &gamma, &beta})
            buffer->set_type(type);
    }

    /// gamma / sqrt(variance + epsilon)
    Halide::Expr scale(const Halide::Var &c) { return gamma(c) * inverse_deviation(variance(c)); }

    /// g at a pixel; `scaled(c)` is scale(c).
    Halide::Expr before_activation(const Halide::Func &scaled, const Halide::Var &c, const Halide::Expr &x,
                                   const Halide::Expr &y, const Halide::Expr &f) {
        Halide::Expr before, after;
        if (activation == Activation::Relu) after = output(c, x, y, f);
        if (activation == Activation::HSwish) {
            before = (input(c, x, y, f) - mean(c)) * scaled(c) + beta(c);
            if (add_residual) before += residual(c, x, y, f);
        }
        return activation_gradient(activation, before, after, d_output(c, x, y, f));
    }

    /// Of what every variant reads, and of what some do.
    void constrain_inputs() {
        frames_from_zero(d_output);
        if (activation == Activation::Relu) frames_from_zero(output);
        if (activation == Activation::HSwish && add_residual) frames_from_zero(residual);
    }
};

} // namespace afnet::generators
