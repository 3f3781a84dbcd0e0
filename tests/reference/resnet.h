// ResNet's parts in the reference: the stem and the blocks that the plain and the adaptive network share, and the plain
// network.
#pragma once

#include <string>
#include <vector>

#include "tests/reference/execution.h"
#include "tests/reference/spatial.h"

namespace afnet::reference {

/// The residual branch and the ending of a bottleneck.
struct Bottleneck {
    int middle_channels;
    int output_channels;
    int stride = 1; // on the 3x3 convolution
    int groups = 1; // of all three convolutions
    bool last_relu = true;
    const std::vector<double> *mask = nullptr; // [f]: a focal block; multiplies the branch's input
    // Multiplies the inputs of all three convolutions, in the frames that `mask` selects. What it leaves out gets the
    // shortcut and the branch's answer to zeroes or, where unselected means skipped, the shortcut alone.
    const SpatialMask *pixels = nullptr;
};

/// The residual branch and the ending of a basic block.
struct BasicBlock {
    int channels;   // behind either convolution
    int stride = 1; // on the first one
    int groups = 1; // of both
    bool last_relu = true;
    const std::vector<double> *mask = nullptr; // [f]: a focal block; multiplies the branch's input
    // Multiplies the inputs of both convolutions, in the frames that `mask` selects. What it leaves out gets the
    // shortcut and bn2's answer to zeroes, or the shortcut alone where unselected means skipped; it does so beside
    // selected pixels too, which the second convolution would read.
    const SpatialMask *pixels = nullptr;
};

/// relu(shortcut + F(shifted(input))) with F = bn2 conv2 relu bn1 conv1, both 3x3, under the key `block`.
Tensor4 basic_block(Execution &run, const std::string &block, const Tensor4 &input, const Tensor4 &shortcut,
                    const BasicBlock &shape);

/// relu(shortcut + F(shifted(input))) with F = bn3 conv3 relu bn2 conv2 relu bn1 conv1 under the key `block`. The
/// shortcut is handed over complete, since the networks disagree on how it is made.
Tensor4 bottleneck(Execution &run, const std::string &block, const Tensor4 &input, const Tensor4 &shortcut,
                   const Bottleneck &shape);

/// 7x7/2 convolution, batch normalisation, ReLU, max-pool: [base, ceil(x/4), ceil(y/4), f]. Records `stem`.
Tensor4 resnet_stem(Execution &run, const Tensor4 &input);

/// Global mean and `fc`: [classes, 1, 1, f]. Records the logits.
void resnet_head(Execution &run, const Tensor4 &input);

/// Torchvision's ResNet, with the stride on a bottleneck's 3x3 convolution or a basic block's first one.
void run_resnet(Execution &run, const Tensor4 &input);

} // namespace afnet::reference
