// A register tile of outputs by frames accumulates over all inputs. Weights are most of what a linear layer reads, and
// they lie in the order in which a tile reads them; each is read once for all frames of the tile.
#include "schedules/linear_schedule.h"

#include "schedules/cpu.h"

namespace afnet::schedules {

using namespace Halide;

int linear_co_block(const LinearKnobs &knobs, const Target &target) {
    return knobs.co_block.resolve(2 * cpu_facts(target).lanes);
}

void schedule_cpu(LinearStages s, const LinearKnobs &knobs, int co_block, const Target &target) {
    const CpuFacts cpu = cpu_facts(target);
    const int lanes = std::min(cpu.lanes, co_block), widest = knobs.frames.resolve(cpu.registers == 32 ? 12 : 6);
    Var block("block"), ki("ki"), fo("fo"), fi("fi");
    const auto tile = [&](Stage stage, int frames) {
        stage.split(s.k, block, ki, co_block, TailStrategy::GuardWithIf)
            .split(s.f, fo, fi, frames, TailStrategy::ShiftInwards)
            .reorder(ki, fi, fo, block)
            .vectorize(ki, lanes, TailStrategy::GuardWithIf)
            .unroll(ki)
            .unroll(fi)
            .parallel(block);
    };
    for (const int frames : {widest, 4}) {
        if (frames > 1 && frames <= widest)
            tile(s.output.specialize(s.output.output_buffer().dim(1).extent() >= frames), frames);
    }
    tile(Stage(s.output), 1);
    s.sum.compute_at(s.output, fo)
        .bound_extent(s.k, co_block)
        .vectorize(s.k, lanes, TailStrategy::RoundUp)
        .unroll(s.k)
        .unroll(s.f);
    s.sum.update().reorder(s.k, s.f, s.r.x).vectorize(s.k, lanes, TailStrategy::RoundUp).unroll(s.k).unroll(s.f);
}

} // namespace afnet::schedules
