// Gradients of the gates of the spatial navigation (generators/spatial_gate.h), derived from their definition through
// the soft mask (straight-through).
#include "generators/adjoint.h"
#include "generators/dtype.h"
#include "generators/layout.h"
#include "generators/spatial_gate.h"
#include "schedules/stored_stages_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Dtype;

class SpatialGateGrad : public Generator<SpatialGateGrad> {
public:
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 4>> pooled{"pooled"};   // [c, i, j, f]
    Input<Buffer<void, 2>> weights{"weights"}; // [k, c]
    Input<Buffer<void, 1>> bias{"bias"};       // [k]
    Input<Buffer<void, 4>> uniform{"uniform"}; // [k, i, j, f]
    Input<Buffer<void, 3>> d_mask{"d_mask"};   // [i, j, f]
    Input<double> temperature{"temperature"};
    Output<Buffer<void, 4>> d_pooled{"d_pooled"};   // [c, i, j, f]
    Output<Buffer<void, 2>> d_weights{"d_weights"}; // [k, c]
    Output<Buffer<void, 1>> d_bias{"d_bias"};       // [k]

    void configure() {
        const Type type = element_type(dtype);
        for (auto *buffer : {&pooled, &uniform})
            buffer->set_type(type);
        weights.set_type(type);
        bias.set_type(type);
        d_mask.set_type(type);
        d_pooled.set_type(type);
        d_weights.set_type(type);
        d_bias.set_type(type);
    }

    void generate() {
        const Type type = element_type(dtype);
        const Expr channels = pooled.dim(0).extent();
        Func map("map"), w("w"), b("b"), adjoint("adjoint");
        map(c, i, j, f) = pooled(c, i, j, f);
        w(k, c) = weights(k, c);
        b(k) = bias(k);
        adjoint(i, j, f) = d_mask(i, j, f);
        const Derivative d = propagate_adjoints(
            afnet::generators::spatial_gate_stages({map, w, b, uniform, cast(type, temperature), channels}).soft,
            adjoint,
            afnet::generators::whole({d_mask.dim(0).extent(), d_mask.dim(1).extent(), d_mask.dim(2).extent()}));
        d_pooled(c, i, j, f) = d(map)(c, i, j, f);
        d_weights(k, c) = d(w)(k, c);
        d_bias(k) = d(b)(k);

        afnet::generators::frames_from_zero(pooled);
        afnet::generators::frames_from_zero(uniform);
        afnet::generators::frames_from_zero(d_mask);
        afnet::generators::frames_from_zero(d_pooled);
        for (auto dimension : {weights.dim(0), bias.dim(0), uniform.dim(0), d_weights.dim(0), d_bias.dim(0)})
            dimension.set_bounds(0, 2);
        weights.dim(1).set_min(0);
        d_weights.dim(1).set_min(0);
    }

    void schedule() { schedule_cpu(afnet::schedules::StoredStages{{d_pooled, d_weights, d_bias}, {}}, get_target()); }

private:
    Var c{"c"}, k{"k"}, i{"i"}, j{"j"}, f{"f"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(SpatialGateGrad, spatial_gate_grad)
