// Training's convolutions on CPUs. A task takes some rows of some frames: it copies what the sums read into its own
// memory, with zeroes outside, makes the sums in register tiles of channels x columns x frames, and stores them. Narrow
// maps fill register tiles with frames. Tiles that hang over the edge compute zeroes in the task's own memory, so that
// any size is served, and every output is stored once: it may be the tensor that it is added to.
#include "schedules/convolution_schedule.h"

namespace afnet::schedules {

using namespace Halide;

namespace {

struct Tile {
    int columns, frames;
};

// Register tiles of about `pixels` pixels, widest first.
std::vector<Tile> tiles_of(int pixels) {
    std::vector<Tile> tiles;
    for (int columns : {14, 12, 8, 7, 4, 2, 1}) {
        if (columns <= pixels && (columns != 12 || pixels == 12))
            tiles.push_back({columns, columns == 8 ? 1 : pixels / columns});
        // Three frames waste a tile's part where clips have a power of two.
        if (columns == 4 && pixels >= 12) tiles.push_back({columns, 2});
    }
    return tiles;
}

// Pixels that the tiles of a row compute for each pixel of the map, as whole numbers that compare.
Expr cost(const Tile &tile, const Expr &width, const Expr &frames) {
    return (width + tile.columns - 1) / tile.columns * tile.columns *
           ((frames + tile.frames - 1) / tile.frames * tile.frames);
}

} // namespace

int convolution_block(const ConvolutionKnobs &knobs, int channels, int phases, int bits, const Target &target) {
    const int lanes = cpu_facts(target).lanes * 32 / bits;
    const int wide = phases > 1 ? lanes : 2 * lanes;
    return knobs.block.resolve(channels <= lanes ? lanes : wide);
}

int depthwise_block(const ConvolutionKnobs &knobs, int bits, const Target &target) {
    return knobs.block.resolve(cpu_facts(target).lanes * 32 / bits);
}

void schedule_cpu(ConvolutionStages s, const ConvolutionKnobs &knobs, const Target &target) {
    const CpuFacts cpu = cpu_facts(target);
    const int lanes = std::min(cpu.lanes * 32 / s.bits, s.block), vectors = s.block / lanes;
    const int accumulators = cpu.registers == 32 ? 28 : 12;
    // Phases share broadcast elements, which need registers too.
    const int room = std::max(1, std::min(accumulators / (vectors * s.phases * s.phases), s.phases > 1 ? 4 : 14));
    int widest = 2;
    for (int columns : {4, 7, 8, 12, 14}) {
        if (columns <= room) widest = columns;
    }
    const int pixels = std::min(room, knobs.columns.resolve(widest));
    const std::vector<Tile> tiles = tiles_of(pixels);

    // The tile that computes least beside the map, the widest of equals, and what it makes of a task.
    Expr best = cost(tiles[0], s.width, s.frames), tile_frames = tiles[0].frames;
    for (size_t i = 1; i < tiles.size(); i++) {
        const Expr other = cost(tiles[i], s.width, s.frames);
        tile_frames = select(other < best, tiles[i].frames, tile_frames);
        best = min(best, other);
    }
    const int per_task = knobs.pixels.resolve(224);
    const Expr rows = clamp(per_task / (s.width * tile_frames), 1, s.height);
    const Expr more = min(per_task / (s.width * s.height * tile_frames), s.frames / (8 * tile_frames));
    const Expr task_frames = tile_frames * max(1, more);

    const Var go("go"), yo("yo"), yi("yi"), fo("fo"), fi("fi"), in("in");
    Func tile = s.sum.in(s.output);
    const int store_lanes = std::min(cpu.lanes * 32 / s.bits, s.channels);
    s.output.split(s.c, go, in, s.channels)
        .split(s.y, yo, yi, rows * s.phases, TailStrategy::GuardWithIf)
        .split(s.f, fo, fi, task_frames, TailStrategy::GuardWithIf)
        .reorder(in, go, s.x, yi, fi, yo, fo)
        .parallel(yo) // not fused: bounds of a quotient by a dynamic extent may be negative
        .parallel(fo)
        .vectorize(in, store_lanes, TailStrategy::GuardWithIf);

    const std::vector<Var> a = tile.args();
    const bool phased = a.size() == 7;
    const Var c = a[0], g = a[1], x = a[phased ? 4 : 2], y = a[phased ? 5 : 3], f = a[phased ? 6 : 4];
    const Var co("co"), ci("ci"), xo("xo"), xi("xi");
    tile.compute_at(s.output, yo);
    const auto arrange = [&](Stage stage, const Tile &t) {
        stage.split(c, co, ci, s.block, TailStrategy::RoundUp)
            .split(x, xo, xi, t.columns, TailStrategy::RoundUp)
            .split(f, fo, fi, t.frames, TailStrategy::RoundUp);
        std::vector<VarOrRVar> order = {ci, xi, fi};
        if (phased) order.insert(order.end(), {a[2], a[3]});
        order.insert(order.end(), {xo, y, fo, co, g});
        stage.reorder(order).vectorize(ci, lanes).unroll(ci).unroll(xi).unroll(fi);
        if (phased) stage.unroll(a[2]).unroll(a[3]);
    };
    if (phased) tile.bound(a[2], 0, s.phases).bound(a[3], 0, s.phases);
    for (size_t i = 0; i + 1 < tiles.size(); i++)
        arrange(tile.specialize(cost(tiles[i], s.width, s.frames) == best), tiles[i]);
    arrange(tile, tiles.back());

    const std::vector<Var> b = s.sum.args();
    const Var sc = b[0], sx = b[phased ? 4 : 2], sf = b[phased ? 6 : 4];
    s.sum.compute_at(tile, xo).vectorize(sc, lanes).unroll(sc).unroll(sx).unroll(sf);
    if (phased) s.sum.bound(b[2], 0, s.phases).bound(b[3], 0, s.phases).unroll(b[2]).unroll(b[3]);
    Stage update = s.sum.update();
    std::vector<VarOrRVar> order = {sc, sx, sf};
    if (s.depthwise) {
        order.insert(order.end(), {s.u, s.v});
    } else if (s.phases > 1) {
        order.insert(order.end(), {s.u, s.v, s.channel});
    } else {
        order.insert(order.end(), {s.channel, s.u, s.v});
    }
    update.reorder(order).vectorize(sc, lanes).unroll(sc).unroll(sx).unroll(sf);
    if (s.phases > 1) update.unroll(s.u).unroll(s.v);
    if (s.phases == 1 && s.depthwise) update.unroll(s.u);

    const std::vector<Var> from = s.source.args();
    const int source_lanes = cpu.lanes * 32 / s.bits;
    s.source.compute_at(s.output, yo)
        .vectorize(from[0], source_lanes, s.depthwise ? TailStrategy::RoundUp : TailStrategy::GuardWithIf);

    const std::vector<Var> p = s.panels.args(); // b, i, u, v, block, g
    if (s.phases > 1) s.panels.reorder_storage(p[0], p[2], p[3], p[1], p[4], p[5]);
    const Var filters("filters");
    if (s.turned > 0 && s.turned % source_lanes == 0) {
        // Whole lines are read, each once: a vector down a column of weights would touch as many lines as it has lanes.
        const Var io("io"), ii("ii");
        s.panels.split(p[1], io, ii, source_lanes, TailStrategy::RoundUp)
            .reorder(ii, p[0], io)
            .vectorize(ii, source_lanes);
    } else {
        s.panels.vectorize(p[0], lanes);
    }
    s.panels.compute_root().fuse(p[4], p[5], filters).fuse(p[3], filters, filters).parallel(filters);
}

} // namespace afnet::schedules
