// Segment consensus and its loss: cross-entropy of the mean over a clip's frames (AFNET_SPEC §5.1), with label
// smoothing.
//
//   clip_logits(k, n) = 1/T sum_t logits(k, t + T n)
//   losses(n)         = log sum_k exp(clip_logits(k, n)) - sum_k q(k, n) clip_logits(k, n)
//   q(k, n)           = (1 - smoothing) [k = labels(n)] + smoothing / K
//   d_logits          = the gradient of the mean of losses, derived
//
// The largest logit of a clip is taken off first. It has no gradient, as the loss does not depend on what is taken off:
// it is found among integers of the same order as the floating-point numbers, which autodiff leaves alone.
#include "generators/adjoint.h"
#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/consensus_loss_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Dtype;

// The bits of a number as an integer that is ordered like it; twice applied, the bits themselves.
Expr ordered(const Expr &bits) {
    return bits ^ ((bits >> (bits.type().bits() - 1)) & bits.type().max());
}

class ConsensusLoss : public Generator<ConsensusLoss> {
public:
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 2>> logits{"logits"};            // [k, t + T n]
    Input<Buffer<int32_t, 1>> labels{"labels"};         // [n]
    Input<double> smoothing{"smoothing"};               // in [0, 1)
    Output<Buffer<void, 2>> clip_logits{"clip_logits"}; // [k, n]
    Output<Buffer<void, 1>> losses{"losses"};           // [n]
    Output<Buffer<void, 2>> d_logits{"d_logits"};       // [k, t + T n]

    void configure() {
        logits.set_type(element_type(dtype));
        clip_logits.set_type(element_type(dtype));
        losses.set_type(element_type(dtype));
        d_logits.set_type(element_type(dtype));
    }

    void generate() {
        const Type type = element_type(dtype), bits = Int(type.bits());
        const Expr classes = logits.dim(0).extent(), clips = labels.dim(0).extent();
        const Expr frames = logits.dim(1).extent() / clips;
        const RDom each_frame(0, frames, "each_frame"), each_class(0, classes, "each_class");

        Func by_frame("by_frame"), loss("loss"), adjoint("adjoint");
        by_frame(k, t, n) = logits(k, t + frames * n);
        stages.mean(k, n) = Internal::make_zero(type);
        stages.mean(k, n) += by_frame(k, each_frame, n) / cast(type, frames);
        stages.largest(n) = bits.min();
        stages.largest(n) = max(stages.largest(n), ordered(reinterpret(bits, stages.mean(each_class, n))));
        const auto lowered = [&](const Expr &k) {
            return stages.mean(k, n) - reinterpret(type, ordered(stages.largest(n)));
        };
        stages.total(n) = Internal::make_zero(type);
        stages.total(n) += exp(lowered(each_class));
        const Expr even = smoothing / cast<double>(classes);
        const Expr wanted = cast(type, select(each_class == labels(n), 1 - smoothing + even, even));
        stages.expected(n) = Internal::make_zero(type);
        stages.expected(n) += wanted * lowered(each_class);
        loss(n) = log(stages.total(n)) - stages.expected(n);

        adjoint(n) = Internal::make_one(type) / cast(type, clips);
        const Derivative d = propagate_adjoints(loss, adjoint, afnet::generators::whole({clips}));
        stages.d_mean = d(stages.mean);
        Func derived = d(by_frame);
        for (Func func : {stages.d_mean, derived})
            afnet::generators::drop_guards(func);
        clip_logits(k, n) = stages.mean(k, n);
        losses(n) = loss(n);
        d_logits(k, f) = derived(k, f % frames, f / frames);
        afnet::generators::frames_from_zero(logits);
        afnet::generators::frames_from_zero(clip_logits);
        afnet::generators::frames_from_zero(d_logits);
        labels.dim(0).set_min(0);
        losses.dim(0).set_min(0);
        stages.outputs = {clip_logits, losses, d_logits};
        stages.derived = derived;
    }

    void schedule() { schedule_cpu(stages, target); }

private:
    Var k{"k"}, t{"t"}, n{"n"}, f{"f"};
    afnet::schedules::ConsensusLossStages stages;
};

} // namespace

HALIDE_REGISTER_GENERATOR(ConsensusLoss, consensus_loss)
