// Gradients of the navigation module (generators/navigation.h), derived from its definition: through the soft mask
// (straight-through), the gates, the BatchNorm with its statistics, and the projection. The projection is read as it
// was saved; what follows from it is computed again.
#include "generators/adjoint.h"
#include "generators/dtype.h"
#include "generators/layout.h"
#include "generators/navigation.h"
#include "schedules/navigation_training_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Dtype;

class NavigationGrad : public Generator<NavigationGrad> {
public:
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 2>> pooled{"pooled"};                 // [c, f]
    Input<Buffer<void, 2>> pool_weights{"pool_weights"};     // [j, c]
    Input<Buffer<void, 1>> gamma{"gamma"};                   // [j]
    Input<Buffer<void, 1>> beta{"beta"};                     // [j]
    Input<Buffer<void, 3>> gate_weights{"gate_weights"};     // [j, k, t]
    Input<Buffer<void, 2>> gate_bias{"gate_bias"};           // [k, t]
    Input<Buffer<void, 2>> uniform{"uniform"};               // [k, f]
    Input<Buffer<void, 1>> given_mean{"given_mean"};         // [j]
    Input<Buffer<void, 1>> given_variance{"given_variance"}; // [j]
    Input<Buffer<void, 2>> projection{"projection"};         // [j, f]
    Input<Buffer<void, 1>> mean{"mean"};                     // the forward kernel's; not read
    Input<Buffer<void, 1>> variance{"variance"};
    Input<Buffer<void, 2>> logits{"logits"};
    Input<Buffer<void, 1>> soft{"soft"};
    Input<Buffer<void, 1>> d_mask{"d_mask"}; // [f]
    Input<double> temperature{"temperature"};
    Input<int32_t> statistics_given{"statistics_given"};
    Output<Buffer<void, 2>> d_pooled{"d_pooled"};             // [c, f]
    Output<Buffer<void, 2>> d_pool_weights{"d_pool_weights"}; // [j, c]
    Output<Buffer<void, 1>> d_gamma{"d_gamma"};               // [j]
    Output<Buffer<void, 1>> d_beta{"d_beta"};                 // [j]
    Output<Buffer<void, 3>> d_gate_weights{"d_gate_weights"}; // [j, k, t]
    Output<Buffer<void, 2>> d_gate_bias{"d_gate_bias"};       // [k, t]

    void configure() {
        const Type type = element_type(dtype);
        for (auto *buffer : {&pooled, &pool_weights, &gate_bias, &uniform, &projection, &logits})
            buffer->set_type(type);
        for (auto *buffer : {&gamma, &beta, &given_mean, &given_variance, &mean, &variance, &soft, &d_mask})
            buffer->set_type(type);
        gate_weights.set_type(type);
        for (auto *buffer : {&d_pooled, &d_pool_weights, &d_gate_bias})
            buffer->set_type(type);
        for (auto *buffer : {&d_gamma, &d_beta})
            buffer->set_type(type);
        d_gate_weights.set_type(type);
    }

    void generate() {
        using afnet::generators::whole;
        const Type type = element_type(dtype);
        const Expr positions = gate_weights.dim(2).extent(), clips = pooled.dim(1).extent() / positions;
        Func saved("saved"), by_clip("by_clip"), g("g"), b("b"), w("w"), bias("bias"), adjoint("adjoint");
        saved(j, t, n) = projection(j, t + positions * n);
        by_clip(j, t, n) = uniform(j, t + positions * n);
        g(j) = gamma(j);
        b(j) = beta(j);
        w(j, k, t) = gate_weights(j, k, t);
        bias(k, t) = gate_bias(k, t);
        adjoint(t, n) = d_mask(t + positions * n);
        const Derivative after =
            propagate_adjoints(afnet::generators::navigation_stages(saved, {g, b, w, bias, by_clip, given_mean,
                                                                            given_variance, statistics_given != 0,
                                                                            cast(type, temperature), positions, clips})
                                   .soft,
                               adjoint, whole({positions, clips}));
        d_gamma(j) = after(g)(j);
        d_beta(j) = after(b)(j);
        d_gate_weights(j, k, t) = after(w)(j, k, t);
        d_gate_bias(k, t) = after(bias)(k, t);

        Func by_position("by_position"), weights("weights");
        by_position(c, t, n) = pooled(c, t + positions * n);
        weights(c, j) = pool_weights(j, c);
        const RDom channel(0, pooled.dim(0).extent(), "channel");
        const Derivative before =
            propagate_adjoints(afnet::generators::navigation_projection(by_position, weights, channel, type),
                               after(saved), whole({2, positions, clips}));
        Func d_by_position = before(by_position), d_weights = before(weights);
        for (const Func &derived : {d_by_position, d_weights})
            afnet::generators::drop_guards(derived);
        d_pooled(c, f) = d_by_position(c, f % positions, f / positions);
        d_pool_weights(j, c) = d_weights(c, j);
        wide = {d_by_position, d_weights};

        pool_weights.dim(0).set_bounds(0, 2).dim(1).set_min(0);
        gate_weights.dim(0).set_bounds(0, 2).dim(1).set_bounds(0, 2).set_stride(2);
        gate_weights.dim(2).set_min(0).set_stride(4);
        gate_bias.dim(0).set_bounds(0, 2).dim(1).set_min(0);
        afnet::generators::frames_from_zero(pooled);
        projection.dim(0).set_bounds(0, 2).dim(1).set_min(0);
        d_mask.dim(0).set_min(0);
        afnet::generators::frames_from_zero(d_pooled);
        d_pool_weights.dim(0).set_bounds(0, 2).dim(1).set_min(0);
        for (auto *buffer : {&d_gamma, &d_beta})
            buffer->dim(0).set_bounds(0, 2);
        d_gate_weights.dim(0).set_bounds(0, 2).dim(1).set_bounds(0, 2).set_stride(2);
        d_gate_weights.dim(2).set_min(0).set_stride(4);
        d_gate_bias.dim(0).set_bounds(0, 2).dim(1).set_min(0);
    }

    void schedule() {
        schedule_cpu(
            afnet::schedules::NavigationGradStages{
                {d_pooled, d_pool_weights, d_gamma, d_beta, d_gate_weights, d_gate_bias}, wide, d_pooled},
            target);
    }

private:
    Var c{"c"}, j{"j"}, k{"k"}, t{"t"}, n{"n"}, f{"f"};
    std::vector<Func> wide;
};

} // namespace

HALIDE_REGISTER_GENERATOR(NavigationGrad, navigation_grad)
