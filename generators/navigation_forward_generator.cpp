// The navigation module in training (generators/navigation.h): masks, and what its gradient needs.
#include "generators/dtype.h"
#include "generators/layout.h"
#include "generators/navigation.h"
#include "schedules/navigation_training_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Dtype;

class NavigationForward : public Generator<NavigationForward> {
public:
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 2>> pooled{"pooled"};                 // [c, f]
    Input<Buffer<void, 2>> pool_weights{"pool_weights"};     // [j, c]
    Input<Buffer<void, 1>> gamma{"gamma"};                   // [j]
    Input<Buffer<void, 1>> beta{"beta"};                     // [j]
    Input<Buffer<void, 3>> gate_weights{"gate_weights"};     // [j, k, t]
    Input<Buffer<void, 2>> gate_bias{"gate_bias"};           // [k, t]
    Input<Buffer<void, 2>> uniform{"uniform"};               // [k, f]  u in [0, 1)
    Input<Buffer<void, 1>> given_mean{"given_mean"};         // [j]
    Input<Buffer<void, 1>> given_variance{"given_variance"}; // [j]
    Input<double> temperature{"temperature"};
    Input<int32_t> statistics_given{"statistics_given"}; // 0: the batch's statistics, 1: given ones
    Output<Buffer<void, 2>> projection{"projection"};    // [j, f]
    Output<Buffer<void, 1>> mean{"mean"};                // [j]  those that normalise
    Output<Buffer<void, 1>> variance{"variance"};        // [j]
    Output<Buffer<void, 2>> logits{"logits"};            // [k, f]
    Output<Buffer<void, 1>> soft{"soft"};                // [f]
    Output<Buffer<void, 1>> mask{"mask"};                // [f]  1: compute the frame

    void configure() {
        const Type type = element_type(dtype);
        for (auto *buffer : {&pooled, &pool_weights, &gate_bias, &uniform})
            buffer->set_type(type);
        for (auto *buffer : {&gamma, &beta, &given_mean, &given_variance})
            buffer->set_type(type);
        gate_weights.set_type(type);
        for (auto *buffer : {&projection, &logits})
            buffer->set_type(type);
        for (auto *buffer : {&mean, &variance, &soft, &mask})
            buffer->set_type(type);
    }

    void generate() {
        const Type type = element_type(dtype);
        const Expr positions = gate_weights.dim(2).extent(), clips = pooled.dim(1).extent() / positions;
        Func by_position("by_position"), weights("weights"), by_clip("by_clip");
        by_position(c, t, n) = pooled(c, t + positions * n);
        weights(c, j) = pool_weights(j, c);
        by_clip(j, t, n) = uniform(j, t + positions * n);
        channel = RDom(0, pooled.dim(0).extent(), "channel");
        sum = afnet::generators::navigation_projection(by_position, weights, channel, type);
        const afnet::generators::NavigationStages stages = afnet::generators::navigation_stages(
            sum, {gamma, beta, gate_weights, gate_bias, by_clip, given_mean, given_variance, statistics_given != 0,
                  cast(type, temperature), positions, clips});
        const Expr position = f % positions, clip = f / positions;
        projection(j, f) = sum(j, position, clip);
        mean(j) = stages.used_mean(j);
        variance(j) = stages.used_variance(j);
        logits(j, f) = stages.logits(j, position, clip);
        soft(f) = stages.soft(position, clip);
        mask(f) = cast(type, stages.perturbed(1, position, clip) > stages.perturbed(0, position, clip));

        pool_weights.dim(0).set_bounds(0, 2).dim(1).set_min(0);
        gate_weights.dim(0).set_bounds(0, 2).dim(1).set_bounds(0, 2).set_stride(2);
        gate_weights.dim(2).set_min(0).set_stride(4);
        gate_bias.dim(0).set_bounds(0, 2).dim(1).set_min(0);
        afnet::generators::frames_from_zero(pooled);
        for (auto *buffer : {&projection, &logits})
            buffer->dim(0).set_bounds(0, 2).dim(1).set_min(0);
        for (auto *buffer : {&mean, &variance})
            buffer->dim(0).set_bounds(0, 2);
        for (auto *buffer : {&soft, &mask})
            buffer->dim(0).set_min(0);
    }

    void schedule() {
        schedule_cpu(
            afnet::schedules::NavigationForwardStages{{projection, mean, variance, logits, soft, mask}, sum, channel.x},
            target);
    }

private:
    Var c{"c"}, j{"j"}, t{"t"}, n{"n"}, f{"f"};
    Func sum;
    RDom channel;
};

} // namespace

HALIDE_REGISTER_GENERATOR(NavigationForward, navigation_forward)
