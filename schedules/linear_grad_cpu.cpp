#include "schedules/linear_grad_schedule.h"

#include "schedules/cpu.h"

namespace afnet::schedules {

using namespace Halide;

namespace {

void store(Func gradient, const Var &k, int lanes) {
    gradient.compute_root().vectorize(k, lanes, TailStrategy::GuardWithIf);
}

} // namespace

void schedule_cpu(LinearGradInput s, const Target &target) {
    constexpr int kInputs = 4, kFrames = 4;
    const int lanes = cpu_facts(target).lanes;
    store(s.gradient, s.k, lanes);
    Var tile("tile"), ci("ci"), fo("fo"), fi("fi"), lane("lane");
    s.d_input.split(s.c, tile, ci, kInputs, TailStrategy::GuardWithIf)
        .split(s.f, fo, fi, kFrames, TailStrategy::GuardWithIf)
        .reorder(ci, fi, fo, tile)
        .parallel(tile);
    const RVar k = s.derived.rvars(0).front();
    RVar outer("outer"), inner("inner");
    Func partial = s.derived.update().split(k, outer, inner, lanes, TailStrategy::GuardWithIf).rfactor(inner, lane);
    const std::vector<Var> args = s.derived.args();
    s.derived.compute_at(s.d_input, fo);
    s.derived.update().reorder(inner, args[0], args[1]).atomic().vectorize(inner);
    partial.compute_at(s.d_input, fo).bound_extent(args[0], kInputs).bound_extent(args[1], kFrames);
    partial.reorder_storage(lane, args[0], args[1]).vectorize(lane).unroll(args[0]).unroll(args[1]);
    partial.update().reorder(lane, args[0], args[1], outer).vectorize(lane).unroll(args[0]).unroll(args[1]);
}

void schedule_cpu(LinearGradWeights s, const Target &target) {
    constexpr int kInputs = 4, kVectors = 2;
    const int lanes = cpu_facts(target).lanes;
    store(s.gradient, s.k, lanes);
    Var ko("ko"), ki("ki"), co("co"), ci("ci");
    const std::vector<Var> args = s.derived_weights.args();
    const Expr outputs = s.d_weights.output_buffer().dim(0).extent(),
               inputs = s.d_weights.output_buffer().dim(1).extent();
    s.d_weights.specialize(outputs >= kVectors * lanes && inputs >= kInputs)
        .split(s.k, ko, ki, kVectors * lanes, TailStrategy::ShiftInwards)
        .split(s.c, co, ci, kInputs, TailStrategy::ShiftInwards)
        .reorder(ki, ci, ko, co)
        .vectorize(ki, lanes)
        .unroll(ki)
        .unroll(ci)
        .parallel(co);
    s.d_weights.split(s.k, ko, ki, lanes, TailStrategy::GuardWithIf)
        .split(s.c, co, ci, 1)
        .reorder(ki, ci, ko, co)
        .vectorize(ki)
        .parallel(co);
    s.derived_weights.compute_at(s.d_weights, ko)
        .vectorize(args[0], lanes, TailStrategy::GuardWithIf)
        .unroll(args[0])
        .unroll(args[1]);
    s.derived_weights.update()
        .reorder(args[0], args[1], s.derived_weights.rvars(0).front())
        .vectorize(args[0], lanes, TailStrategy::GuardWithIf)
        .unroll(args[0])
        .unroll(args[1]);
    s.derived_bias.compute_root().vectorize(s.derived_bias.args()[0], lanes, TailStrategy::GuardWithIf);
    s.derived_bias.update().vectorize(s.derived_bias.args()[0], lanes, TailStrategy::GuardWithIf);
    s.d_bias.vectorize(s.k, lanes, TailStrategy::GuardWithIf);
}

} // namespace afnet::schedules
