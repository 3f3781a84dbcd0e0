// The gradient of a batch normalisation's input, from the sums that batch_norm_grad_sums made. With g the gradient
// before the activation and n the values per channel:
//
//   d_input(c, x, y, f) = gamma(c) / sqrt(variance(c) + 1e-5) (g(c, x, y, f) - (d_beta(c) + xhat d_gamma(c)) / n)
//
// `frozen`, where mean and variance were constants: without the part over n. `residual_grad` also stores g as the
// gradient of what was added before the activation, or accumulates it.
#include "generators/batch_norm_adjoint.h"
#include "generators/batch_norm_gradient.h"
#include "schedules/elementwise_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

enum class ResidualGrad { None, Store, Accumulate };

class BatchNormGradInput : public BatchNormGradient<BatchNormGradInput> {
public:
    GeneratorParam<bool> frozen{"frozen", false};
    GeneratorParam<ResidualGrad> residual_grad{
        "residual_grad",
        ResidualGrad::None,
        {{"none", ResidualGrad::None}, {"store", ResidualGrad::Store}, {"accumulate", ResidualGrad::Accumulate}}};

    Input<Channels> d_gamma{"d_gamma"};                   // [c]
    Input<Channels> d_beta{"d_beta"};                     // [c]
    Input<Frames> d_residual_before{"d_residual_before"}; // [c, x, y, f], read by `accumulate`; may be d_residual
    Output<Buffer<void, 4>> d_input{"d_input"};           // [c, x, y, f]
    Output<Buffer<>> *d_residual = nullptr;               // [c, x, y, f]; none with `none`

    void configure() {
        configure_inputs();
        d_gamma.set_type(element_type(dtype));
        d_beta.set_type(element_type(dtype));
        d_residual_before.set_type(element_type(dtype));
        d_input.set_type(element_type(dtype));
        if (residual_grad != ResidualGrad::None)
            d_residual = add_output<Buffer<>>("d_residual", element_type(dtype), 4);
    }

    void generate() {
        if (derivation == Derivation::Adjoint) {
            derive();
        } else {
            write_closed_form();
        }
        constrain_inputs();
        frames_from_zero(d_input);
        if (!frozen || activation == Activation::HSwish) frames_from_zero(input);
        if (residual_grad == ResidualGrad::Accumulate) frames_from_zero(d_residual_before);
        for (int d = 0; d_residual && d < 4; d++)
            d_residual->dim(d).set_bounds(0, d_input.dim(d).extent());
    }

    void schedule() {
        if (derivation == Derivation::Adjoint) {
            std::vector<Func> results = {Func(d_input)};
            if (d_residual) results.push_back(Func(*d_residual));
            compute_reductions_at_root(results);
            return;
        }
        afnet::schedules::schedule_channel_constants({scaled, from_mean, offset}, target);
        schedule_cpu(afnet::schedules::ElementwiseLoops{Func(d_input), c, {x}, {y, f}}, target);
        if (!d_residual) return;
        // A pixel's channels are still in cache when the second output reads them.
        Func second = *d_residual;
        schedule_cpu(afnet::schedules::ElementwiseLoops{second, c, {x}, {y, f}}, target);
        second.compute_with(Func(d_input), x);
    }

private:
    void write_closed_form() {
        const Expr n = cast<double>(d_output.dim(1).extent()) * cast<double>(d_output.dim(2).extent()) *
                       cast<double>(d_output.dim(3).extent());
        const Type type = element_type(dtype);
        const Expr deviation = inverse_deviation(cast<double>(variance(c)));
        scaled(c) = scale(c);
        from_mean(c) = cast(type, cast<double>(d_gamma(c)) * deviation / n);
        offset(c) = cast(type, cast<double>(d_beta(c)) / n);
        const Expr g = before_activation(scaled, c, x, y, f);
        d_input(c, x, y, f) = scaled(c) * (frozen ? g : g - offset(c) - (input(c, x, y, f) - mean(c)) * from_mean(c));
        write_residual(g);
    }

    void derive() {
        const BatchNormAdjoint adjoint =
            batch_norm_adjoint({input, mean, variance, gamma, beta, residual, d_output, d_output.dim(0).extent(),
                                d_output.dim(1).extent(), d_output.dim(2).extent(), d_output.dim(3).extent(),
                                element_type(dtype), activation, add_residual, frozen});
        d_input(c, x, y, f) = adjoint.d_input(c, x, y, f);
        if (d_residual) write_residual(adjoint.d_residual(c, x, y, f));
    }

    void write_residual(const Expr &g) {
        if (residual_grad == ResidualGrad::Store) (*d_residual)(c, x, y, f) = g;
        if (residual_grad == ResidualGrad::Accumulate) (*d_residual)(c, x, y, f) = d_residual_before(c, x, y, f) + g;
    }

    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
    Func scaled{"scaled"}, from_mean{"from_mean"}, offset{"offset"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(BatchNormGradInput, batch_norm_grad_input)
