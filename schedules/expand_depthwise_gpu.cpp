// A block expands, for one block of channels, the pixels that its tile of outputs reads into shared memory, and filters
// them from there. A thread keeps four channels of a column in registers, first of the expansion, then of the outputs.
// Neighbouring tiles expand the pixels between them twice: memory for the whole expanded tensor is never asked for.
#include "schedules/expand_depthwise_schedule.h"
#include "schedules/gpu.h"

namespace afnet::schedules {

using namespace Halide;

namespace {

// Maps of the usual sizes are multiples of seven. With stride 2 a tile reads about twice as many rows as it has.
constexpr int kColumns = 7, kRows = 7, kStridedRows = 4;

int covered(int outputs, const ExpandDepthwiseGpuStages &s) {
    return (outputs - 1) * s.stride + s.kernel;
}

} // namespace

int expand_depthwise_gpu_co_block(const ExpandDepthwiseKnobs &knobs, int channels) {
    return block_channels(knobs.co_block, channels);
}

void schedule_gpu(ExpandDepthwiseGpuStages s, const ExpandDepthwiseKnobs &knobs, int co_block) {
    const int columns = knobs.depthwise_x.resolve(kColumns);
    const int rows = knobs.rows.resolve(s.stride == 1 ? kRows : kStridedRows);
    const int expanded_columns = covered(columns, s), expanded_rows = covered(rows, s);
    Var block("block"), in_block("in_block"), lane("lane"), cv("cv"), xo("xo"), xi("xi"), yo("yo"), yi("yi");
    Var across("across"), tile("tile");
    s.output.split(s.c, block, in_block, co_block, TailStrategy::GuardWithIf)
        .split(in_block, lane, cv, kGpuVector, TailStrategy::GuardWithIf)
        .split(s.x, xo, xi, columns, TailStrategy::GuardWithIf)
        .split(s.y, yo, yi, rows, TailStrategy::GuardWithIf)
        .fuse(block, s.g, across)
        .fuse(xo, across, tile)
        .reorder({cv, yi, lane, xi, s.f, tile, yo})
        .unroll(yi)
        .gpu_threads(lane, xi)
        .gpu_blocks(s.f, tile, yo);
    // Part of a vector cannot be stored at once: OpenCL C has no masks.
    s.channels % kGpuVector == 0 ? s.output.vectorize(cv) : s.output.unroll(cv);
    s.sum.compute_at(s.output, lane)
        .bound_extent(s.c, kGpuVector)
        .bound_extent(s.y, rows)
        .vectorize(s.c, kGpuVector, TailStrategy::RoundUp)
        .unroll(s.y);
    s.sum.update()
        .reorder({s.c, s.y, s.r.y, s.r.x, s.g, s.x, s.f})
        .vectorize(s.c, kGpuVector, TailStrategy::RoundUp)
        .unroll(s.y)
        .unroll(s.r.y);

    Var vector("vector"), element("element");
    s.expanded.compute_at(s.output, s.f)
        .bound_extent(s.c, co_block)
        .bound_extent(s.x, expanded_columns)
        .bound_extent(s.y, expanded_rows)
        .split(s.c, vector, element, kGpuVector)
        .reorder({element, s.y, vector, s.x, s.g, s.f})
        .vectorize(element)
        .unroll(s.y)
        .gpu_threads(vector, s.x);
    s.expansion.compute_at(s.expanded, vector)
        .bound_extent(s.c, kGpuVector)
        .bound_extent(s.y, expanded_rows)
        .vectorize(s.c, kGpuVector, TailStrategy::RoundUp)
        .unroll(s.y);
    for (size_t i = 0; i < s.channels_read.size(); i++) {
        s.expansion.update(int(i))
            .reorder({s.c, s.y, s.channels_read[i].x, s.g, s.x, s.f})
            .vectorize(s.c, kGpuVector, TailStrategy::RoundUp)
            .unroll(s.y);
    }
}

} // namespace afnet::schedules
