// Gradients to weights on CPUs: a register tile of output channels by input channels sums over a block of pixels, of
// which input and d_output stay in cache for all tiles. The frames are summed in a fixed number of parts, so that the
// result does not depend on the number of threads; where there are weights enough to make tasks of, in one part.
#include "schedules/weight_gradient_schedule.h"

namespace afnet::schedules {

using namespace Halide;

namespace {

constexpr int kManyWeights = 96 * 1024; // of which tasks are made, rather than of frames
constexpr int kTaskOutputs = 128;       // channels of such a task, at the most
constexpr int kTaskInputs = 256;        // the same, and a quarter at the least where there are as many
constexpr int kTaskSumBytes = 512 * 1024;
constexpr int kTasks = 8; // that are wished for

int quotient_up(int whole, int size) {
    return (whole + size - 1) / size;
}

// Channels of a task: as many blocks as `most` channels hold, so that all tasks have about as many.
int task_channels(int channels, int block, int most) {
    const int blocks = quotient_up(channels, block);
    return quotient_up(blocks, quotient_up(blocks, std::max(1, most / block))) * block;
}

struct TaskChannels {
    int outputs, inputs;
};

// What tasks of many weights take of the channels. Each task copies its inputs and its d_output for itself: too few
// channels of either would copy the other too often. Its sums are to stay in the second-level cache, and there are to
// be tasks enough for some processors.
TaskChannels task_channels(const WeightGradientStages &s) {
    TaskChannels task;
    // Tasks of whole groups: bounds take a remainder modulo the group for all of it.
    task.outputs = s.groups > 1 ? s.outputs : task_channels(s.outputs, s.tile.outputs, kTaskOutputs);
    const int most = kTaskSumBytes / (s.bits / 8) / (task.outputs * s.kernel * s.kernel);
    task.inputs = task_channels(s.inputs, s.tile.inputs, std::min(most, kTaskInputs));
    const int along_outputs = s.groups * quotient_up(s.outputs, task.outputs);
    while (along_outputs * quotient_up(s.inputs, task.inputs) < kTasks && task.inputs >= kTaskInputs / 2)
        task.inputs = task_channels(s.inputs, s.tile.inputs, task.inputs / 2);
    return task;
}

} // namespace

WeightGradientTile weight_gradient_tile(const WeightGradientKnobs &knobs, int outputs, int inputs, int kernel, int bits,
                                        const Target &target) {
    const CpuFacts cpu = cpu_facts(target);
    const int lanes = cpu.lanes * 32 / bits, accumulators = cpu.registers == 32 ? 28 : 12;
    WeightGradientTile tile;
    tile.columns = inputs < 6;
    const int of_an_input = tile.columns ? kernel : 1;
    const bool wide = outputs > lanes && 2 * of_an_input * (tile.columns ? inputs : 1) <= accumulators;
    tile.outputs = knobs.block.resolve(wide ? 2 * lanes : lanes);
    const int vectors = std::max(1, tile.outputs / lanes);
    const int most = std::max(1, std::min(14, accumulators / (vectors * of_an_input)));
    // The largest that divides the channels, if it keeps the multipliers busy; else the one that wastes least.
    int best = std::min(most, inputs);
    for (int size = best; size >= std::max(1, most / 2); size--) {
        const auto waste = [&](int block) { return quotient_up(inputs, block) * block - inputs; };
        if (waste(size) < waste(best)) best = size;
    }
    tile.inputs = knobs.input_block.resolve(best);
    if (tile.inputs >= inputs * 2) tile.columns = true;
    return tile;
}

PixelBlocks weight_gradient_blocks(const WeightGradientKnobs &knobs, int weights, const Expr &width, const Expr &height,
                                   const Expr &frames) {
    const int per_block = knobs.pixels.resolve(256);
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
    const int full = cpu.lanes * 32 / s.bits, lanes = std::min(full, s.tile.outputs);

    // tile: sums over the pixels of a block; sums: over the blocks of a part; d_filters: over the parts.
    const std::vector<RVar> r = s.d_filters.rvars(0);
    const RVar rows_at = r.at(3), frames_at = r.at(4), part = r.at(5);
    const Var p("p"), fb("fb"), yb("yb"), q("q");
    Func tile = s.d_filters.update().rfactor({{part, p}, {frames_at, fb}, {rows_at, yb}});
    Func sums = s.d_filters.update().rfactor(part, q);

    const std::vector<Var> a = sums.args(); // c, i, g, u, v, part
    const Var c = a[0], i = a[1], g = a[2], u = a[3], v = a[4];
    const Var co("co"), ci("ci"), io("io"), ii("ii"), chunk("chunk"), input_chunk("input_chunk");
    const std::vector<RVar> blocks = sums.rvars(0); // rows_at, frames_at

    Stage add = sums.update();
    add.split(c, co, ci, s.tile.outputs, TailStrategy::RoundUp).split(i, io, ii, s.tile.inputs, TailStrategy::RoundUp);
    std::vector<VarOrRVar> order = {ci, ii, u, v, io, co, g};
    for (const RVar &block : blocks)
        order.push_back(block);
    order.push_back(a[5]);
    add.reorder(order).vectorize(ci, lanes).unroll(ci).unroll(ii);
    if (s.tile.columns) add.unroll(u);
    sums.vectorize(c, lanes, TailStrategy::RoundUp);

    const int stored = std::min(full, s.outputs);
    if (s.blocks.parts > 1) {
        s.d_weights.vectorize(s.c, stored, TailStrategy::GuardWithIf);
        add.parallel(a[5]);
        sums.compute_root().parallel(a[5]);
        s.d_filters.compute_at(s.d_weights, s.i).vectorize(s.d_filters.args()[0], lanes, TailStrategy::RoundUp);
        s.d_filters.update().vectorize(s.d_filters.args()[0], lanes, TailStrategy::RoundUp);
        s.d_weights.parallel(s.i).parallel(s.v);
    } else {
        const TaskChannels task = task_channels(s);
        s.d_weights.split(s.c, chunk, s.c, task.outputs, TailStrategy::GuardWithIf)
            .split(s.i, input_chunk, s.i, task.inputs, TailStrategy::GuardWithIf)
            .reorder(s.c, s.i, s.u, s.v, chunk, input_chunk)
            .vectorize(s.c, std::min(stored, task.outputs), TailStrategy::GuardWithIf)
            .parallel(chunk)
            .parallel(input_chunk);
        s.d_filters.compute_at(s.d_weights, s.i).vectorize(s.d_filters.args()[0], lanes, TailStrategy::RoundUp);
        s.d_filters.update().vectorize(s.d_filters.args()[0], lanes, TailStrategy::RoundUp);
        sums.compute_at(s.d_weights, chunk);
    }

    tile.compute_at(sums, s.tile.columns ? v : u);
    const std::vector<Var> t = tile.args(); // c, i, g, u, v, ...
    tile.bound_extent(t[0], s.tile.outputs).bound_extent(t[1], s.tile.inputs);
    const std::vector<RVar> pixel = tile.rvars(0); // column, row, frame
    std::vector<VarOrRVar> inner = {t[0], t[1]};
    if (s.tile.columns) inner.push_back(t[3]);
    inner.insert(inner.end(), pixel.begin(), pixel.end());
    tile.vectorize(t[0], lanes).unroll(t[0]).unroll(t[1]);
    tile.update().reorder(inner).vectorize(t[0], lanes).unroll(t[0]).unroll(t[1]);
    if (s.tile.columns) {
        tile.unroll(t[3]);
        tile.update().unroll(t[3]);
    }

    const auto copy = [&](Func f, int block) {
        const std::vector<Var> d = f.args(); // b, x, y, f, block, g: whole pixels are read, in the order of memory
        f.compute_at(sums, blocks.front())
            .reorder(d[0], d[4], d[5], d[1], d[2], d[3])
            .vectorize(d[0], std::min(full, block), TailStrategy::GuardWithIf)
            // Or, where maps are powers of two, all blocks would lie in the same sets of the cache.
            .align_storage(d[3], s.blocks.frames + 1);
    };
    copy(s.input, s.tile.inputs);
    copy(s.d_output, s.tile.outputs);
}

} // namespace afnet::schedules
