// What the stem's schedule may name and tune.
#pragma once

#include "schedules/knob.h"

namespace afnet::schedules {

struct StemStages {
    Halide::Func sum, conv, output;
    Halide::Func pixels; // [i, y, f]  rounded rows of the clip, where pairs are multiplied
    Halide::Var c, x, y, f;
    Halide::RDom r; // input channel, kernel column, kernel row; of pairs: element of a row, kernel row
    int channels;
    bool paired; // an instruction multiplies two elements of a row
};

/// By tiles of columns: `points` transforms the clip's rows, `sum` and `products` hold product q of tile t, which
/// `conv` transforms back.
struct StemTileStages {
    Halide::Func points, sum, products, conv, output;
    Halide::Var c, x, y, f, q, t;
    Halide::RDom r;     // input channel, kernel row
    int outputs, count; // columns of a tile, and its products
};

struct StemKnobs {
    Knob algorithm{"algorithm", {1, 4}};    // 1: direct; 4: Winograd's, in tiles of four columns; packs the weights
    Knob co_block{"co_block", {8, 16, 32}}; // output channels per register tile; packs the weights
    Knob tile_x{"tile_x", {2, 4, 6, 7, 8, 14, 28}}; // convolution columns, or tiles of them, per register tile
    Knob rows{"rows", {1, 2, 4, 7, 8, 14}};         // pooled rows per task
};

int stem_co_block(const StemKnobs &knobs, int channels, bool in_tiles, const Halide::Target &target);

/// The packing of the weights on GPUs.
int stem_gpu_co_block(const StemKnobs &knobs, int channels);

void schedule_gpu(StemStages stages, int co_block);
void schedule_cpu(StemTileStages stages, const StemKnobs &knobs, int co_block, const Halide::Target &target);
void schedule_cpu(StemStages stages, const StemKnobs &knobs, int co_block, const Halide::Target &target);

} // namespace afnet::schedules
