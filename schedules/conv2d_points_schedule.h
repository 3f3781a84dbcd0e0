// What a conv2d_points schedule may name and tune.
#pragma once

#include "schedules/conv2d_schedule.h"
#include "schedules/point_prefetch.h"

namespace afnet::schedules {

/// Handles to the stages of generators/conv2d_points_generator.cpp, producers first.
struct Conv2dPointsStages {
    Halide::Func read;   // [i, e, g, u, v, p]  what a point's sum is over
    Halide::Func sum;    // [c, g, p]
    Halide::Func output; // [c, g, x, y, f]
    Halide::Stage store; // the update of `output` that stores listed points
    Halide::Var i, e, c, g, u, v, p;
    Halide::RDom r; // input channel within a run, run, kernel column, kernel row
    Halide::RVar point;
    int channels;    // output channels per group
    int run;         // the extent of r.x
    int point_bytes; // of an input's listed pixel
    int added_bytes; // of the pixel that a point's sums are added to
    bool gathers;    // from a stream, whose pixels lie anywhere
    bool adds;       // to one
};

/// On GPUs: the stages of a dense convolution along a list, whose entries are points here. With kernel 3 there is one
/// more: neighbour(u, v, q), where the compact tensor has what point q meets at the kernel's column u and row v.
struct Conv2dPointsGpuStages {
    Conv2dGpuStages convolution;
    Halide::Func neighbour = Halide::Func();
};

struct Conv2dPointsKnobs {
    Knob co_block{"co_block", {4, 8, 16, 32, 48, 64}};     // output channels per register tile; packs the weights
    Knob tile_x{"tile_x", {2, 3, 4, 6, 7, 8, 10, 12, 14}}; // points per register tile
    Knob tiles{"tiles", {1, 2, 4, 8, 16}};                 // register tiles per task
    Knob prefetch{"prefetch", {1, 2, 3}};                  // later points: never; of long lists; always
    Knob threads{"threads", {64, 128, 256}};               // of a block, on GPUs
};

/// Output channels per register tile for a group of `channels`: the packing of the weights.
int conv2d_points_co_block(const Conv2dPointsKnobs &knobs, int channels, const Halide::Target &target);

void schedule_cpu(Conv2dPointsStages stages, const Conv2dPointsKnobs &knobs, int co_block,
                  const Halide::Target &target);

/// The packing of the weights on GPUs, and what a thread and a block take: by the rules of a dense convolution.
int conv2d_points_gpu_co_block(const Conv2dPointsKnobs &knobs, int channels);
Conv2dGpuTile conv2d_points_gpu_tile(const Conv2dPointsKnobs &knobs, int reduction_channels, int co_block);

void schedule_gpu(const Conv2dPointsGpuStages &stages, int co_block);

/// The pass that asks for later points (point_prefetch.h), or null where there is nothing to ask for.
std::unique_ptr<PrefetchPoints> conv2d_points_prefetches(const Conv2dPointsStages &stages,
                                                         const Conv2dPointsKnobs &knobs, int co_block,
                                                         const Halide::Target &target);

} // namespace afnet::schedules
