// What a conv2d schedule may name (Conv2dStages) and may tune (Conv2dKnobs).
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "schedules/cpu.h"
#include "schedules/knob.h"
#include "schedules/tile_prefetch.h"

namespace afnet::schedules {

/// Handles to the stages of generators/conv2d_generator.cpp, producers first.
struct Conv2dStages {
    Halide::Func sum;    // [c, g, x, y, f]  bias and reduction
    Halide::RDom r;      // input channel within a run, run of channels, kernel column, kernel row
    Halide::Func output; // [c, g, x, y, f]  epilogue and store
    Halide::Stage store; // the stage of `output` that does the work: pure, or the scatter update
    Halide::Var c, g, x, y;
    Halide::VarOrRVar f; // frame, or the selected frame of a scatter
    Halide::Expr width;  // of the output
    int groups;
    int channels; // output channels per group
    int kernel, stride;
    int reduction_channels; // input channels per group
    bool in_place;          // output may alias the residual: every element must be stored exactly once
    int run;                // input channels that follow each other in one frame: the extent of r.x
    int pair;               // input channels that one instruction multiplies: 2 with bf16, else 1
    int element_bytes;      // of an activation
};

/// How many pixels a GPU thread takes, and how many such threads a block has beside those along channels.
struct Conv2dGpuTile {
    int pixels, threads;
};

/// Handles to the stages of the same generator on GPUs, producers first. q counts the pixels of all frames.
struct Conv2dGpuStages {
    Halide::Func place;   // [q]  its column, row and frame
    Halide::Func read;    // [i, t, u, v, g, q]  input channel i of run t, as the kernel's column u and row v meet it
    Halide::Func sum;     // [c, g, q]  bias and reduction
    Halide::RDom r;       // as Conv2dStages::r
    Halide::Func output;  // [c, g, x, y, f]
    Halide::Stage store;  // its update: along `pixel`
    Halide::RDom pixel;   // pixel of a thread, thread, block
    Halide::Var c, g, q, i;
    int channels; // output channels per group
    int run;      // as Conv2dStages::run
    Conv2dGpuTile tile;
};

/// Handles to the stages of generators/winograd.h, producers first. p counts tiles of all frames, u and v points.
struct WinogradStages {
    Halide::Func origin;   // [column row frame, p]
    Halide::Func columns;  // [c, g, u, line, p]  input transformed along its rows
    Halide::Func points;   // [c, g, p, u, v]    transformed input
    Halide::Func sum;      // [c, g, p, u, v]    products, summed over input channels
    Halide::RDom r;        // input channel
    Halide::Func products; // [c, g, p, u, v]    a copy of `sum` that the outputs are made of
    Halide::Func rows;     // [c, g, x, v, p]    transformed back along rows
    Halide::Func tile;     // [c, g, x, y, p]    outputs of a tile
    Halide::Func output;   // [c, g, x, y, f]; update 0 stores tiles
    Halide::RDom store;    // column and row in the tile, tile
    Halide::Var c, g, p, x, y, u, v, line;
    Halide::Expr tiles;                       // of all frames
    int groups, channels, reduction_channels; // channels per group
    int outputs, side;                        // per side of a tile: outputs, points
    int pair;                                 // as Conv2dStages::pair
};

struct Conv2dKnobs {
    Knob co_block{"co_block", {4, 8, 16, 32, 48, 64}};           // output channels per register tile; packs the weights
    Knob tile_x{"tile_x", {1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14}}; // output columns, or Winograd tiles, per register tile
    Knob rows{"rows", {1, 2, 4, 7, 8, 14, 28}};                  // output rows per task
    Knob order{"order", {1, 2, 3}};                              // what a task is: conv2d_cpu.cpp, winograd_cpu.cpp
    Knob algorithm{"algorithm", {1, 2, 4, 5}};             // 1: direct; else Winograd with so many outputs per side
    Knob tiles{"tiles", {8, 16, 24, 32, 48, 64, 96, 192}}; // Winograd: about so many tiles per task
    Knob kept{"kept", {16, 32, 64, 128, 256, 512}}; // Winograd: output channels whose products are kept at a time
    Knob prefetch{"prefetch", {1, 2, 3}};           // the next tile's pixels: never; of large tensors; always
    Knob threads{"threads", {64, 128, 256}};        // of a block, on GPUs
};

/// What a task is, and which tasks follow each other: the values of knob `order`.
enum Conv2dOrder {
    kOutputChannelsInTasks = 1, // a strip of rows and a block of channels; the strip's input stays for the next block
    kPixelTilesFirst = 2,       // a strip of rows; every pixel is read once, for all channels
    kWeightsStay = 3,           // like 1, but a block's weights stay for the next strip and frame
};

/// The loops of the stage that stores, around `co_block` channels by `columns` columns of it.
struct Conv2dTile {
    int co_block, columns, rows, order, lanes;
    bool unrolled; // the columns
    Halide::TailStrategy columns_tail;
};

int conv2d_default_order(const Conv2dStages &stages);

/// Applied to the general case and to each specialization.
void conv2d_tile_stage(Halide::Stage stage, const Conv2dStages &stages, const Conv2dTile &tile);

/// The loop of that nest which holds nothing but such a tile.
Halide::Var conv2d_tile_loop(const Conv2dTile &tile);

/// Columns of a register tile of `vectors` vectors of channels that leave room beside the accumulators for one row of
/// weights and a broadcast.
int conv2d_register_columns(int vectors, const CpuFacts &cpu);

/// As many of them as the first-level cache holds. A tile reads one element of each column at a time; where columns lie
/// `bytes_apart` that are whole ways of that cache, their lines meet in one set, of 8 ways or more, and a tile of more
/// columns would push its own lines out.
int conv2d_cached_columns(int columns, int bytes_apart);

/// Makes the sum of a pair's products one instruction, which reads the pair of inputs as one broadcast element. Returns
/// the loop over pairs that `channel` becomes.
Halide::RVar conv2d_pairs(Halide::Func sum, const Halide::RVar &channel, const Halide::Var &c, int pair);

/// Output channels per register tile for a group of `channels`: the packing of the weights.
int conv2d_co_block(const Conv2dKnobs &knobs, int channels, const Halide::Target &target);

/// A 3x3 layer that Winograd's algorithm can serve: frame for frame, nothing added.
struct PlainLayer {
    int stride, reduction_channels;
    bool bf16;
};

/// Outputs per side of the Winograd tile that computes `layer`, or 0 for the direct algorithm, which alone serves all
/// other layers.
int conv2d_winograd_outputs(const Conv2dKnobs &knobs, const std::optional<PlainLayer> &layer);

/// The pass that asks for the next tile's pixels (tile_prefetch.h), or null where there is nothing to ask for.
std::unique_ptr<PrefetchTiles> conv2d_prefetches(const Conv2dStages &stages, const Conv2dKnobs &knobs, int co_block,
                                                 const Halide::Target &target);

/// Whether the target's direct convolutions multiply in AMX's tile registers: conv2d_amx.cpp.
bool conv2d_in_tile_registers(const Halide::Target &target);

/// Input channels that a tile instruction sums over, of `run` neighbours that come from one frame; 0: they do not fill
/// its registers. runtime/tile_layers.h says the same of a spec.
int conv2d_tile_terms(int run);

/// Output channels whose sums stay in tile registers: the packing of the weights.
int conv2d_amx_co_block(const Conv2dKnobs &knobs, int channels);

/// The packing of the weights on GPUs.
int conv2d_gpu_co_block(const Conv2dKnobs &knobs, int channels);

Conv2dGpuTile conv2d_gpu_tile(const Conv2dKnobs &knobs, int reduction_channels, int co_block);

void schedule_gpu(Conv2dGpuStages stages, int co_block);
void schedule_amx(Conv2dStages stages, const Conv2dKnobs &knobs, int co_block, const Halide::Target &target);
void schedule_cpu(Conv2dStages stages, const Conv2dKnobs &knobs, int co_block, const Halide::Target &target);
void schedule_cpu(WinogradStages stages, const Conv2dKnobs &knobs, int co_block, const Halide::Target &target);

} // namespace afnet::schedules
