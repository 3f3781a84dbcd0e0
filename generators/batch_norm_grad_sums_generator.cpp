// Gradients of a batch normalisation's scale and offset. With g the gradient before the activation:
//
//   d_beta(c) = sum_{x,y,f} g(c, x, y, f)        d_gamma(c) = sum_{x,y,f} g(c, x, y, f) xhat(c, x, y, f)
#include "generators/batch_norm_adjoint.h"
#include "generators/batch_norm_gradient.h"
#include "schedules/channel_totals_schedule.h"
#include "schedules/elementwise_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class BatchNormGradSums : public BatchNormGradient<BatchNormGradSums> {
public:
    Output<Buffer<void, 1>> d_gamma{"d_gamma"}; // [c]
    Output<Buffer<void, 1>> d_beta{"d_beta"};   // [c]

    void configure() {
        configure_inputs();
        d_gamma.set_type(element_type(dtype));
        d_beta.set_type(element_type(dtype));
    }

    void generate() {
        if (derivation == Derivation::Adjoint) {
            derive();
        } else {
            sum_up();
        }
        constrain_inputs();
        frames_from_zero(input);
        for (auto *gradient : {&d_gamma, &d_beta})
            gradient->dim(0).set_bounds(0, d_output.dim(0).extent());
    }

    void schedule() {
        if (derivation == Derivation::Adjoint) {
            compute_reductions_at_root({Func(d_gamma), Func(d_beta)});
            return;
        }
        afnet::schedules::schedule_channel_constants({scaled}, target);
        schedule_cpu(
            afnet::schedules::ChannelTotals{
                d_output.dim(0).extent(), {row_sums}, column.x, partials, {sums}, rows.x, rows.y, {d_gamma, d_beta}},
            target);
    }

private:
    void sum_up() {
        const Type type = element_type(dtype);
        column = RDom(0, d_output.dim(1).extent(), "column");
        rows = RDom(0, d_output.dim(2).extent(), 0, d_output.dim(3).extent(), "rows");
        scaled(c) = scale(c);
        const Expr g = before_activation(scaled, c, column, y, f);
        row_sums(c, y, f) = Tuple(number(type, 0), number(type, 0));
        row_sums(c, y, f) =
            Tuple(row_sums(c, y, f)[0] + g, row_sums(c, y, f)[1] + g * (input(c, column, y, f) - mean(c)));
        partials(c, y, f) = Tuple(row_sums(c, y, f)[0], row_sums(c, y, f)[1]);
        sums(c) = Tuple(cast<double>(0), cast<double>(0));
        sums(c) = Tuple(sums(c)[0] + cast<double>(partials(c, rows.x, rows.y)[0]),
                        sums(c)[1] + cast<double>(partials(c, rows.x, rows.y)[1]));
        d_beta(c) = cast(type, sums(c)[0]);
        d_gamma(c) = cast(type, sums(c)[1] * inverse_deviation(cast<double>(variance(c))));
    }

    void derive() {
        const BatchNormAdjoint adjoint = batch_norm_adjoint(
            {input, mean, variance, gamma, beta, residual, d_output, d_output.dim(0).extent(), d_output.dim(1).extent(),
             d_output.dim(2).extent(), d_output.dim(3).extent(), element_type(dtype), activation, add_residual, false});
        d_gamma(c) = adjoint.d_gamma(c);
        d_beta(c) = adjoint.d_beta(c);
    }

    Var c{"c"}, y{"y"}, f{"f"};
    Func scaled{"scaled"}, row_sums{"row_sums"}, partials{"partials"}, sums{"sums"};
    RDom column, rows;
};

} // namespace

HALIDE_REGISTER_GENERATOR(BatchNormGradSums, batch_norm_grad_sums)
