// What the schedules of training's convolutions may name and tune.
#pragma once

#include "schedules/cpu.h"
#include "schedules/knob.h"

namespace afnet::schedules {

/// A convolution whose sums are made in register tiles: the forward pass and the gradient to the input. Producers
/// first.
struct ConvolutionStages {
    Halide::Func source;        // [channel, x, y, f]  the summands' frames, zero outside
    Halide::Func panels;        // [b, i, u, v, block, g]  weights, a register tile's channels side by side
    Halide::Func sum;           // [c, g, x, y, f], or with phases [c, g, s_x, s_y, x, y, f]
    Halide::RVar channel, u, v; // of the sum; there is no channel where depthwise
    Halide::Func output;        // [channel, x, y, f]
    Halide::Var c, x, y, f;     // of the output
    Halide::Expr width, height; // of the sum
    Halide::Expr frames;
    int channels, groups; // of the output, per group
    int phases;           // per side
    int kernel;
    int block;              // channels of a register tile
    int bits;               // of an element
    bool depthwise = false; // channel c reads channel c only
    int turned = 0;         // weights lie along the channels that are summed, which are so many; 0: as panels do
};

struct ConvolutionKnobs {
    Knob block{"block", {4, 8, 16, 32, 48, 64}};     // output channels per register tile
    Knob columns{"columns", {2, 4, 7, 8, 12, 14}};   // columns of the widest register tile
    Knob pixels{"pixels", {56, 112, 224, 448, 896}}; // about so many pixels per task
};

/// Channels of a register tile for groups of `channels`.
int convolution_block(const ConvolutionKnobs &knobs, int channels, int phases, int bits, const Halide::Target &target);

int depthwise_block(const ConvolutionKnobs &knobs, int bits, const Halide::Target &target);

void schedule_cpu(ConvolutionStages stages, const ConvolutionKnobs &knobs, const Halide::Target &target);

} // namespace afnet::schedules
