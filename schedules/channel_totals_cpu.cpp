#include "schedules/channel_totals_schedule.h"

#include "schedules/cpu.h"

namespace afnet::schedules {

using namespace Halide;

namespace {

void schedule_rows(ChannelTotals &s, int lanes) {
    Var c = s.partials.args()[0], y = s.partials.args()[1], f = s.partials.args()[2], block("block"), inner("inner");
    // Shifting a block inwards repeats work, which costs nothing: the partial sums are the kernel's own.
    for (int vectors : {4, 1}) {
        s.partials.specialize(s.channels >= vectors * lanes)
            .split(c, block, inner, vectors * lanes, TailStrategy::ShiftInwards)
            .reorder(inner, block, y, f)
            .vectorize(inner, lanes)
            .unroll(inner)
            .parallel(y)
            .parallel(f);
    }
    s.partials.split(c, block, inner, 1, TailStrategy::RoundUp).reorder(inner, block, y, f).parallel(y).parallel(f);
    s.partials.compute_root();
    for (Func stage : s.stages) {
        const Var channel = stage.args()[0];
        stage.compute_at(s.partials, block).vectorize(channel, lanes, TailStrategy::GuardWithIf).unroll(channel);
        if (!stage.has_update_definition()) continue;
        stage.update().reorder(channel, s.column).vectorize(channel, lanes, TailStrategy::GuardWithIf).unroll(channel);
    }
}

} // namespace

void schedule_cpu(ChannelTotals s, const Target &target) {
    const int lanes = cpu_facts(target).lanes;
    schedule_rows(s, lanes);
    for (Func total : s.totals) {
        const Var c = total.args()[0];
        Var block("block"), inner("inner");
        total.compute_root().vectorize(c, lanes, TailStrategy::GuardWithIf);
        total.update()
            .split(c, block, inner, lanes, TailStrategy::GuardWithIf)
            .reorder(inner, s.row, s.frame, block)
            .vectorize(inner)
            .parallel(block);
    }
    for (Func output : s.outputs)
        output.vectorize(output.args()[0], lanes, TailStrategy::GuardWithIf);
}

} // namespace afnet::schedules
