// Direct convolution on CPUs: a register tile of co_block channels by tile_x columns accumulates over the whole
// reduction; one broadcast input element meets co_block weights.
#include "schedules/conv2d_schedule.h"
#include "schedules/cpu.h"

namespace afnet::schedules {

using namespace Halide;

// Weights that fit the second-level cache are read again for every pixel tile, so that each pixel is read once; larger
// ones are read once for all frames.
int conv2d_default_order(const Conv2dStages &s) {
    constexpr int kCachedWeights = 300 * 1024;
    const int weights = s.reduction_channels * s.channels * s.groups * s.kernel * s.kernel;
    return weights <= kCachedWeights ? kPixelTilesFirst : kWeightsStay;
}

void conv2d_tile_stage(Stage stage, const Conv2dStages &s, const Conv2dTile &tile) {
    Var co("co"), ci("ci"), xo("xo"), xi("xi"), yo("yo"), yi("yi");
    const TailStrategy channels_tail =
        s.channels % tile.co_block == 0 ? TailStrategy::RoundUp : TailStrategy::GuardWithIf;
    stage.split(s.c, co, ci, tile.co_block, channels_tail)
        .split(s.x, xo, xi, tile.columns, tile.columns_tail)
        .split(s.y, yo, yi, tile.rows, TailStrategy::GuardWithIf);
    // Everything between the register tile and the tasks, innermost first; then the tasks, in the order they start.
    std::vector<VarOrRVar> inner = {ci, xi}, tasks;
    switch (tile.order) {
    case kOutputChannelsInTasks:
        inner.insert(inner.end(), {xo, yi});
        tasks = {co, s.g, yo, s.f};
        break;
    case kPixelTilesFirst:
        inner.insert(inner.end(), {co, s.g, xo, yi});
        tasks = {yo, s.f};
        break;
    case kWeightsStay:
        inner.insert(inner.end(), {xo, yi});
        tasks = {yo, s.f, co, s.g};
        break;
    }
    std::vector<VarOrRVar> order = inner;
    order.insert(order.end(), tasks.begin(), tasks.end());
    stage.reorder(order).vectorize(ci, tile.lanes, TailStrategy::GuardWithIf).unroll(ci);
    if (tile.unrolled) stage.unroll(xi);
    VarOrRVar task = tasks.front();
    for (size_t i = 1; i < tasks.size(); i++) {
        const std::string name = "task" + std::to_string(i);
        const VarOrRVar fused = task.is_rvar || tasks[i].is_rvar ? VarOrRVar(RVar(name)) : VarOrRVar(Var(name));
        stage.fuse(task, tasks[i], fused);
        task = fused;
    }
    stage.parallel(task);
}

Var conv2d_tile_loop(const Conv2dTile &tile) {
    return Var(tile.order == kPixelTilesFirst ? "co" : "xo");
}

int conv2d_register_columns(int vectors, const CpuFacts &cpu) {
    if (cpu.registers == 32) return vectors <= 2 ? 14 : vectors <= 4 ? 6 : 3;
    return vectors == 1 ? 8 : vectors == 2 ? 6 : 2;
}

RVar conv2d_pairs(Func sum, const RVar &channel, const Var &c, int pair) {
    const RVar pairs("pairs"), both("both");
    sum.update().split(channel, pairs, both, pair).reorder(both, c).atomic().vectorize(both);
    return pairs;
}

int conv2d_co_block(const Conv2dKnobs &knobs, int channels, const Target &target) {
    const CpuFacts cpu = cpu_facts(target);
    const int wide = cpu.registers == 32 && cpu.lanes == 4 ? 4 * cpu.lanes : 2 * cpu.lanes;
    // A second vector only where it is full: a half empty one costs as much as it saves.
    const bool narrow = channels % wide != 0 && (channels % wide) <= wide - cpu.lanes;
    return knobs.co_block.resolve(narrow ? wide / 2 : wide);
}

int conv2d_winograd_outputs(const Conv2dKnobs &knobs, const std::optional<PlainLayer> &layer) {
    constexpr int kDirect = 1, kWorthTransforming = 16, kWorthPairing = 64;
    int automatic = kDirect;
    if (layer && layer->stride == 1 && layer->reduction_channels >= kWorthTransforming) {
        // A bf16 instruction's two products outweigh the fewer products of larger tiles, whose points need floats.
        automatic = layer->bf16 && layer->reduction_channels >= kWorthPairing ? 2 : 4;
    }
    const int algorithm = knobs.algorithm.resolve(automatic);
    require(layer || algorithm == kDirect, "conv2d: Winograd serves plain 3x3 convolutions only");
    require(algorithm != 5 || layer->stride == 1, "conv2d: with stride 2 Winograd's tiles have 2 or 4 outputs per side");
    return algorithm == kDirect ? 0 : algorithm;
}

int conv2d_cached_columns(int columns, int bytes_apart) {
    constexpr int kWayBytes = 4096, kColumnsOfOneSet = 7;
    return bytes_apart % kWayBytes == 0 ? std::min(columns, kColumnsOfOneSet) : columns;
}

namespace {

int widest_columns(const Conv2dStages &s, const Conv2dKnobs &knobs, int co_block, const CpuFacts &cpu) {
    const int apart = s.stride * s.reduction_channels * s.groups * s.element_bytes;
    const int columns = conv2d_register_columns(co_block / std::min(cpu.lanes, co_block), cpu);
    return knobs.tile_x.resolve(conv2d_cached_columns(columns, apart));
}

} // namespace

// A 1x1 convolution of few channels waits for pixels: a tile's lines lie too far apart for the hardware to foresee the
// next ones. More multiply-accumulates for each element than this hide the wait, and pay for the asking in vain.
std::unique_ptr<PrefetchTiles> conv2d_prefetches(const Conv2dStages &s, const Conv2dKnobs &knobs, int co_block,
                                                 const Target &target) {
    constexpr int kNever = 1, kOfLarge = 2, kLeastBytes = 4 << 20, kMacsPerElement = 90;
    const int in = s.reduction_channels * s.groups, out = s.channels * s.groups;
    const int elements = in + (s.in_place ? 2 : 1) * out;
    const bool waits = s.kernel == 1 && s.reduction_channels * out <= kMacsPerElement * elements;
    const int which = knobs.prefetch.resolve(waits ? kOfLarge : kNever);
    if (which == kNever) return nullptr;
    const TileColumns columns = {s.stride * in, out, widest_columns(s, knobs, co_block, cpu_facts(target))};
    return std::make_unique<PrefetchTiles>(s.sum.name(), columns,
                                           which == kOfLarge ? kLeastBytes / s.element_bytes : 0);
}

void schedule_cpu(Conv2dStages s, const Conv2dKnobs &knobs, int co_block, const Target &target) {
    const CpuFacts cpu = cpu_facts(target);
    Conv2dTile tile;
    tile.unrolled = true;
    tile.co_block = co_block;
    tile.lanes = std::min(cpu.lanes, co_block);
    tile.columns = widest_columns(s, knobs, co_block, cpu);
    tile.order = knobs.order.resolve(conv2d_default_order(s));
    tile.rows = knobs.rows.resolve(tile.order == kPixelTilesFirst ? 4 : 14);
    const int widest = tile.columns;

    std::vector<int> widths;
    for (int columns : {widest, 7, 4, 2}) {
        const bool narrower = widths.empty() ? columns > 1 : columns * 3 <= widths.back() * 2;
        if (columns <= widest && narrower) widths.push_back(columns);
    }
    for (int columns : widths) {
        tile.columns = columns;
        // Shifting a tile inwards stores some columns twice, which an aliased residual must not see.
        tile.columns_tail = s.in_place ? TailStrategy::RoundUp : TailStrategy::ShiftInwards;
        const Expr fits = s.in_place ? s.width % columns == 0 : s.width >= columns;
        conv2d_tile_stage(s.store.specialize(fits), s, tile);
    }
    tile.columns = 1;
    tile.columns_tail = TailStrategy::RoundUp;
    conv2d_tile_stage(s.store, s, tile);

    s.sum.compute_at(s.output, conv2d_tile_loop(tile))
        .bound_extent(s.c, co_block)
        .vectorize(s.c, tile.lanes, TailStrategy::RoundUp)
        .unroll(s.c)
        .unroll(s.x);
    const RVar channel = s.pair > 1 ? conv2d_pairs(s.sum, s.r.x, s.c, s.pair) : s.r.x;
    s.sum.update()
        .reorder({s.c, s.x, channel, s.r.y, s.r.z, s.r.w, s.y})
        .vectorize(s.c, tile.lanes, TailStrategy::RoundUp)
        .unroll(s.c)
        .unroll(s.x);
}

} // namespace afnet::schedules
