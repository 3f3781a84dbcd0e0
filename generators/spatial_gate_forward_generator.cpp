// The gates of the spatial navigation in training (generators/spatial_gate.h): masks, and what their gradient needs.
#include "generators/dtype.h"
#include "generators/layout.h"
#include "generators/spatial_gate.h"
#include "schedules/stored_stages_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Dtype;

class SpatialGateForward : public Generator<SpatialGateForward> {
public:
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 4>> pooled{"pooled"};   // [c, i, j, f]
    Input<Buffer<void, 2>> weights{"weights"}; // [k, c]
    Input<Buffer<void, 1>> bias{"bias"};       // [k]
    Input<Buffer<void, 4>> uniform{"uniform"}; // [k, i, j, f]  u in [0, 1)
    Input<double> temperature{"temperature"};
    Output<Buffer<void, 4>> logits{"logits"}; // [k, i, j, f]
    Output<Buffer<void, 3>> soft{"soft"};     // [i, j, f]
    Output<Buffer<void, 3>> mask{"mask"};     // [i, j, f]  1: compute the patch

    void configure() {
        const Type type = element_type(dtype);
        for (auto *buffer : {&pooled, &uniform})
            buffer->set_type(type);
        weights.set_type(type);
        bias.set_type(type);
        logits.set_type(type);
        for (auto *buffer : {&soft, &mask})
            buffer->set_type(type);
    }

    void generate() {
        const Type type = element_type(dtype);
        const afnet::generators::SpatialGateStages stages = afnet::generators::spatial_gate_stages(
            {pooled, weights, bias, uniform, cast(type, temperature), pooled.dim(0).extent()});
        logits(k, i, j, f) = stages.logits(k, i, j, f);
        soft(i, j, f) = stages.soft(i, j, f);
        mask(i, j, f) = cast(type, stages.perturbed(1, i, j, f) > stages.perturbed(0, i, j, f));

        afnet::generators::frames_from_zero(pooled);
        afnet::generators::frames_from_zero(uniform);
        afnet::generators::frames_from_zero(logits);
        for (auto *buffer : {&soft, &mask})
            afnet::generators::frames_from_zero(*buffer);
        for (auto dimension : {weights.dim(0), bias.dim(0), uniform.dim(0), logits.dim(0)})
            dimension.set_bounds(0, 2);
        weights.dim(1).set_min(0);
    }

    void schedule() { schedule_cpu(afnet::schedules::StoredStages{{logits, soft, mask}, {}}, get_target()); }

private:
    Var k{"k"}, i{"i"}, j{"j"}, f{"f"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(SpatialGateForward, spatial_gate_forward)
