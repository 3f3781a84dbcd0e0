// Segment consensus (TSN): the clip's logits are the mean over its frames; softmax gives scores.
//
//   clip_logits(k, n)   = 1/T sum_t logits(k, t, n)
//   probabilities(k, n) = exp(clip_logits(k, n) - max) / sum_k exp(clip_logits(k, n) - max)
#include "generators/layout.h"
#include "schedules/consensus_schedule.h"

namespace {

using namespace Halide;

class Consensus : public Generator<Consensus> {
public:
    Input<Buffer<float, 2>> logits{"logits"};                // [k, t + T n]
    Output<Buffer<float, 2>> clip_logits{"clip_logits"};     // [k, n]
    Output<Buffer<float, 2>> probabilities{"probabilities"};  // [k, n]

    void generate() {
        const Expr frames = logits.dim(1).extent() / clip_logits.dim(1).extent();
        const Expr classes = logits.dim(0).extent();
        RDom t(0, frames, "t"), r(0, classes, "r");
        mean(k, n) = 0.0f;
        mean(k, n) += logits(k, t + frames * n) / cast<float>(frames);
        clip_logits(k, n) = mean(k, n);
        // On a GPU a kernel writes the means, and another one reads them.
        const Func logit = get_target().has_gpu_feature() ? Func(clip_logits) : mean;
        largest(n) = logit(0, n);
        largest(n) = max(largest(n), logit(r, n));
        raised(k, n) = exp(logit(k, n) - largest(n));
        total(n) = 0.0f;
        total(n) += raised(r, n);
        probabilities(k, n) = raised(k, n) / total(n);
        afnet::generators::frames_from_zero(logits);
        afnet::generators::frames_from_zero(clip_logits);
        afnet::generators::frames_from_zero(probabilities);
    }

    void schedule() {
        if (get_target().has_gpu_feature()) {
            afnet::schedules::schedule_gpu({mean, largest, total, clip_logits, probabilities});
        } else {
            schedule_cpu(afnet::schedules::ConsensusStages{mean, largest, raised, total}, target);
        }
    }

private:
    Var k{"k"}, n{"n"};
    Func mean{"mean"}, largest{"largest"}, raised{"raised"}, total{"total"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(Consensus, consensus)
