// What a network costs: multiply-accumulates (MACs) layer by layer in two conventions, and its parameters.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/plan_builder.h"

namespace afnet {

struct ModelDescription;

/// One layer's MACs per frame that it computes.
struct LayerMacs {
    std::string layer;     // as AFNET_SPEC App. A names it, e.g. `layer1.refine_module.0.conv1`
    int block = -1;        // the focal block (index of masked_blocks()) whose selected frames, and patches of them,
                           // alone it computes; -1: it computes all frames
    int64_t conv = 0;      // of convolutions and linears, as this program computes them
    int64_t official = 0;  // as the counter behind the published numbers says; static networks: the same as `conv`
};

/// The layers that cost anything, in the order in which they run, for clips of `shape`.
///
/// The counter behind the published numbers (AFNET_SPEC §7) also charges pools, and has quirks that are kept: the
/// classifier of an AF-ResNet counts as a square one, the navigation's second convolution as many times as a clip has
/// frames, and the linears of a gate by a closed form. Throws what lower() throws.
std::vector<LayerMacs> layer_macs(const ModelDescription &description, const RunShape &shape);

/// MACs per frame: `dense` of every frame, and `gated` of frames that all focal blocks select.
struct MacTotals {
    int64_t dense = 0, gated = 0;
    /// Where focal blocks select the part `ratio` of all frames, 0 to 1.
    double at(double ratio) const { return double(dense) + ratio * double(gated); }
};

/// `column`: &LayerMacs::conv or &LayerMacs::official.
MacTotals total_macs(const std::vector<LayerMacs> &layers, int64_t LayerMacs::*column);

/// How many numbers training learns: all parameters but BatchNorm's running statistics.
int64_t learnable_parameters(const std::vector<ParameterInfo> &parameters);

}  // namespace afnet
