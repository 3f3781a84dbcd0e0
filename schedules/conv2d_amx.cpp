// Direct convolution in AMX's tile registers: co_block output channels by tile_x columns, 16 channels to a register.
// One register of inputs, tile_x pixels by 32 channels, meets each of the weights' registers; sums stay in registers
// over the whole reduction, go to a small block of memory, and from there through the epilogue.
#include "schedules/conv2d_schedule.h"
#include "schedules/cpu.h"
#include "schedules/tile_registers.h"

namespace afnet::schedules {

using namespace Halide;

namespace {

constexpr int kChannels = kTileRowBytes / 4, kMostTerms = kTileRowBytes / 2;

struct Columns {
    int count;
    bool exactly; // the width is a multiple of it; else the last tile is moved back, and some columns are stored twice
};

} // namespace

bool conv2d_in_tile_registers(const Target &target) {
    return target.has_feature(Target::AVX512_SapphireRapids);
}

int conv2d_tile_terms(int run) {
    return run % kMostTerms == 0 ? kMostTerms : run % (kMostTerms / 2) == 0 ? kMostTerms / 2 : 0;
}

int conv2d_amx_co_block(const Conv2dKnobs &knobs, int channels) {
    // Four sums take turns, each waiting for itself; with the inputs and weights they leave two registers free.
    int block = 4 * kChannels;
    while (block > kChannels && channels % block != 0)
        block -= kChannels;
    block = knobs.co_block.resolve(block);
    require(block % kChannels == 0 && channels % block == 0,
            "conv2d: with tile registers, blocks of output channels are multiples of 16 that divide the channels");
    return block;
}

void schedule_amx(Conv2dStages s, const Conv2dKnobs &knobs, int co_block, const Target &target) {
    Conv2dTile tile;
    tile.unrolled = false;
    tile.co_block = co_block;
    tile.lanes = cpu_facts(target).lanes;
    const int widest = knobs.tile_x.resolve(14);
    tile.order = knobs.order.resolve(conv2d_default_order(s));
    tile.rows = knobs.rows.resolve(tile.order == kPixelTilesFirst ? 4 : 14);

    // An instruction takes about as many cycles as its tile has rows: 14 of 16 waste none, and divide the maps of 224
    // columns. An aliased residual must not see a column stored twice.
    std::vector<Columns> choices = {{widest, true}};
    for (const int count : {kTileRows, 7, 4}) {
        if (count != widest) choices.push_back({count, s.in_place});
    }
    for (const Columns &columns : choices) {
        tile.columns = columns.count;
        tile.columns_tail = columns.exactly ? TailStrategy::RoundUp : TailStrategy::ShiftInwards;
        const Expr fits = columns.exactly ? s.width % columns.count == 0 : s.width >= columns.count;
        conv2d_tile_stage(s.store.specialize(fits), s, tile);
    }
    tile.columns = 1;
    tile.columns_tail = TailStrategy::RoundUp;
    conv2d_tile_stage(s.store, s, tile);

    const int terms = conv2d_tile_terms(s.run);
    const Var row(kTileRow), column(kTileColumn), block("column_block");
    const RVar term(kTileSum), term_block("term_block");
    s.sum.compute_at(s.output, conv2d_tile_loop(tile)).bound_extent(s.c, co_block);
    s.sum.update()
        .rename(s.x, row)
        .split(s.c, block, column, kChannels, TailStrategy::RoundUp)
        .split(s.r.x, term_block, term, terms)
        .reorder({term, column, row, block, term_block, s.r.y, s.r.z, s.r.w, s.y})
        .unroll(block);
}

} // namespace afnet::schedules
