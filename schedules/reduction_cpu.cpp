#include "schedules/reduction_schedule.h"

#include "schedules/cpu.h"

namespace afnet::schedules {

using namespace Halide;

namespace {

// `inner` and the parts of channels, then what follows.
std::vector<VarOrRVar> channels_first(const ChannelReduction &s, const VarOrRVar &inner,
                                      const std::vector<VarOrRVar> &then) {
    std::vector<VarOrRVar> order = {inner};
    order.insert(order.end(), s.parts.begin(), s.parts.end());
    order.insert(order.end(), then.begin(), then.end());
    return order;
}

// Maps: each row by itself, pixel by pixel with all channels, as they lie in memory; the sum then adds up rows.
void sum_rows_first(ChannelReduction &s, int lanes) {
    Var row("row");
    Func rows = s.sum.update().rfactor(s.reduction.back(), row);
    rows.compute_root().vectorize(s.c, lanes, TailStrategy::GuardWithIf).parallel(s.f).parallel(row);
    rows.update()
        .reorder(channels_first(s, s.c, {s.reduction.front(), s.f, row}))
        .vectorize(s.c, lanes, TailStrategy::GuardWithIf)
        .parallel(s.f)
        .parallel(row);
    s.reduction = {s.reduction.back()};
}

} // namespace

void schedule_cpu(ChannelReduction s, const Target &target) {
    const int lanes = cpu_facts(target).lanes;
    if (s.reduction.size() == 2) sum_rows_first(s, lanes);
    Var block("block"), inner("inner");
    const Expr channels = s.output.output_buffer().dim(0).extent();
    // Shifting a block inwards repeats work, which costs nothing: the output aliases no input.
    for (int vectors : {4, 1}) {
        s.output.specialize(channels >= vectors * lanes)
            .split(s.c, block, inner, vectors * lanes, TailStrategy::ShiftInwards)
            .reorder(channels_first(s, inner, {block, s.f}))
            .vectorize(inner, lanes)
            .unroll(inner)
            .parallel(block)
            .parallel(s.f);
    }
    s.output.split(s.c, block, inner, 1, TailStrategy::RoundUp)
        .reorder(channels_first(s, inner, {block, s.f}))
        .parallel(s.f);
    const std::vector<VarOrRVar> reduced(s.reduction.begin(), s.reduction.end());
    s.sum.compute_at(s.output, block).vectorize(s.c, lanes, TailStrategy::GuardWithIf).unroll(s.c);
    s.sum.update().reorder(channels_first(s, s.c, reduced)).vectorize(s.c, lanes, TailStrategy::GuardWithIf).unroll(s.c);
    if (!s.constant.defined()) return;
    s.constant.compute_root().vectorize(s.c, lanes, TailStrategy::GuardWithIf);
    s.constant.update().vectorize(s.c, lanes, TailStrategy::GuardWithIf);
}

}  // namespace afnet::schedules
