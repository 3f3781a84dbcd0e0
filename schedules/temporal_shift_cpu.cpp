#include "schedules/temporal_shift_schedule.h"

#include "schedules/cpu.h"
#include "schedules/elementwise_schedule.h"

namespace afnet::schedules {

using namespace Halide;

namespace {

void shift_rows(ShiftedRows rows, const LoopLevel &at, int lanes) {
    if (!rows.shifted.defined()) return;
    const Var x = rows.shifted.args()[1];
    rows.shifted.compute_at(at);
    for (size_t u = 0; u < rows.channels.size(); u++) {
        rows.shifted.update(int(u))
            .reorder(rows.channels[u], x)
            .vectorize(rows.channels[u], lanes, TailStrategy::GuardWithIf);
    }
}

} // namespace

void schedule_cpu(const ShiftedRows &rows, Func consumer, const Target &target) {
    const std::vector<Var> v = consumer.args();
    schedule_cpu(ElementwiseLoops{consumer, v[0], {v[1]}, {v[2], v[3]}}, target);
    shift_rows(rows, LoopLevel(consumer, v[2]), cpu_facts(target).lanes);
}

void schedule_cpu(FrameProducts s, const Target &target) {
    const int lanes = cpu_facts(target).lanes;
    const Var c = s.products.args()[0], y = s.products.args()[1], f = s.products.args()[2];
    s.products.compute_root().vectorize(c, lanes, TailStrategy::GuardWithIf).parallel(y).parallel(f);
    s.products.update()
        .reorder(c, s.column, y, f)
        .vectorize(c, lanes, TailStrategy::GuardWithIf)
        .parallel(y)
        .parallel(f);
    shift_rows(s.rows, LoopLevel(s.products, y), lanes);
    const Var channel = s.frames.args()[0], frame = s.frames.args()[1];
    s.frames.compute_root().vectorize(channel, lanes, TailStrategy::GuardWithIf);
    s.frames.update()
        .reorder(channel, s.row, frame)
        .vectorize(channel, lanes, TailStrategy::GuardWithIf)
        .parallel(frame);
    s.result.compute_root();
}

} // namespace afnet::schedules
