// Gradients to weights on CPUs: a register tile of output channels by input channels sums over a block of pixels, of
// which input and d_output stay in cache for all tiles. The frames are summed in a fixed number of parts, so that the
// result does not depend on the number of threads; where there are weights enough to make tasks of, in one part.
#include "schedules/weight_gradient_schedule.h"

namespace afnet::schedules {

using namespace Halide;

namespace {

constexpr int kManyWeights = 96 * 1024; // of which tasks are made, rather than of frames

} // namespace

int weight_gradient_block(const WeightGradientKnobs &knobs, int outputs, int bits, const Target &target) {
    const int lanes = cpu_facts(target).lanes * 32 / bits;
    return knobs.block.resolve(outputs <= lanes ? lanes : 2 * lanes);
}

int weight_gradient_input_block(const WeightGradientKnobs &knobs, int outputs_block, int inputs, int bits,
                                const Target &target) {
    const CpuFacts cpu = cpu_facts(target);
    const int vectors = std::max(1, outputs_block / (cpu.lanes * 32 / bits));
    const int most = std::min(14, (cpu.registers == 32 ? 28 : 12) / vectors);
    // The largest that divides the channels, if it keeps the multipliers busy; else the one that wastes least.
    int best = std::min(most, inputs);
    for (int size = best; size >= std::max(1, most / 2); size--) {
        const auto waste = [&](int block) { return (inputs + block - 1) / block * block - inputs; };
        if (waste(size) < waste(best)) best = size;
    }
    return knobs.input_block.resolve(best);
}

PixelBlocks weight_gradient_blocks(const WeightGradientKnobs &knobs, int weights, const Expr &width, const Expr &height,
                                   const Expr &frames) {
    const int per_block = knobs.pixels.resolve(224);
    const auto blocks_of = [](const Expr &whole, const Expr &size) { return (whole + size - 1) / size; };
    PixelBlocks blocks;
    blocks.parts = knobs.partials.resolve(weights >= kManyWeights ? 1 : 8);
    // Blocks of one size, so that the last one is not small.
    blocks.row_blocks = blocks_of(height, clamp(per_block / width, 1, height));
    blocks.rows = blocks_of(height, blocks.row_blocks);
    const Expr part = blocks_of(frames, blocks.parts);
    blocks.frame_blocks = blocks_of(part, clamp(per_block / (width * height), 1, part));
    blocks.frames = blocks_of(part, blocks.frame_blocks);
    return blocks;
}

void schedule_cpu(WeightGradientStages s, const WeightGradientKnobs &, const Target &target) {
    const CpuFacts cpu = cpu_facts(target);
    const int full = cpu.lanes * 32 / s.bits, lanes = std::min(full, s.block);

    // tile: sums over the pixels of a block; sums: over the blocks of a part; d_filters: over the parts.
    const std::vector<RVar> r = s.d_filters.rvars(0);
    const RVar rows_at = r.at(3), frames_at = r.at(4), part = r.at(5);
    const Var p("p"), fb("fb"), yb("yb"), q("q");
    Func tile = s.d_filters.update().rfactor({{part, p}, {frames_at, fb}, {rows_at, yb}});
    Func sums = s.d_filters.update().rfactor(part, q);

    const std::vector<Var> a = sums.args(); // c, i, g, u, v, part
    const Var c = a[0], i = a[1], g = a[2], u = a[3], v = a[4];
    const Var co("co"), ci("ci"), io("io"), ii("ii"), chunk("chunk");
    const std::vector<RVar> blocks = sums.rvars(0);                         // rows_at, frames_at
    const bool columns_too = s.inputs * 2 <= s.input_block || s.inputs < 6; // of the filter, in the register tile

    Stage add = sums.update();
    add.split(c, co, ci, s.block, TailStrategy::RoundUp).split(i, io, ii, s.input_block, TailStrategy::RoundUp);
    std::vector<VarOrRVar> order = {ci, ii, u, v, io, co, g};
    for (const RVar &block : blocks)
        order.push_back(block);
    order.push_back(a[5]);
    add.reorder(order).vectorize(ci, lanes).unroll(ci).unroll(ii);
    if (columns_too) add.unroll(u);
    sums.vectorize(c, lanes, TailStrategy::RoundUp);

    const int stored = std::min(full, s.outputs);
    if (s.parts > 1) {
        s.d_weights.vectorize(s.c, stored, TailStrategy::GuardWithIf);
        add.parallel(a[5]);
        sums.compute_root().parallel(a[5]);
        s.d_filters.compute_at(s.d_weights, s.i).vectorize(s.d_filters.args()[0], lanes, TailStrategy::RoundUp);
        s.d_filters.update().vectorize(s.d_filters.args()[0], lanes, TailStrategy::RoundUp);
        s.d_weights.parallel(s.i).parallel(s.v);
    } else {
        // Tasks are blocks of channels, or whole groups: bounds take a remainder modulo the group for all of it.
        const int channels = s.groups > 1 ? s.outputs : s.block;
        s.d_weights.split(s.c, chunk, s.c, channels, TailStrategy::GuardWithIf)
            .reorder(s.c, s.i, s.u, s.v, chunk)
            .vectorize(s.c, std::min(stored, channels), TailStrategy::GuardWithIf)
            .parallel(chunk);
        s.d_filters.compute_at(s.d_weights, s.i).vectorize(s.d_filters.args()[0], lanes, TailStrategy::RoundUp);
        s.d_filters.update().vectorize(s.d_filters.args()[0], lanes, TailStrategy::RoundUp);
        sums.compute_at(s.d_weights, chunk);
    }

    tile.compute_at(sums, columns_too ? v : u);
    const std::vector<Var> t = tile.args(); // c, i, g, u, v, ...
    tile.bound_extent(t[0], s.block).bound_extent(t[1], s.input_block);
    const std::vector<RVar> pixel = tile.rvars(0); // column, row, frame
    std::vector<VarOrRVar> inner = {t[0], t[1]};
    if (columns_too) inner.push_back(t[3]);
    inner.insert(inner.end(), pixel.begin(), pixel.end());
    tile.vectorize(t[0], lanes).unroll(t[0]).unroll(t[1]);
    tile.update().reorder(inner).vectorize(t[0], lanes).unroll(t[0]).unroll(t[1]);
    if (columns_too) {
        tile.unroll(t[3]);
        tile.update().unroll(t[3]);
    }

    const auto copy = [&](Func f, int block) {
        const std::vector<Var> d = f.args(); // b, x, y, f, block, g: whole pixels are read, in the order of memory
        f.compute_at(sums, blocks.front())
            .reorder(d[0], d[4], d[5], d[1], d[2], d[3])
            .vectorize(d[0], std::min(full, block), TailStrategy::GuardWithIf);
    };
    copy(s.input, s.input_block);
    copy(s.d_output, s.block);
}

} // namespace afnet::schedules
