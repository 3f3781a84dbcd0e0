// Checkpoint parameters to what kernels read: BatchNorm folded into the convolution before it, weights in blocks of
// output channels.
#pragma once

#include <string>
#include <vector>

#include "model/plan_builder.h"

namespace afnet {

/// A convolution's parameters with its BatchNorm folded in, in PyTorch's order.
struct FoldedConv {
    std::vector<float> weights;  // [co][ci / g][k][k]
    std::vector<float> bias;     // [co]
};

/// y = gamma (conv(x) - mean) / sqrt(var + 1e-5) + beta becomes one convolution with bias; computed in double.
FoldedConv fold_batch_norm(const Weights &weights, const std::string &conv, const std::string &norm, int co,
                           int ci_per_group, int kernel);

/// [co_block, ci / g, u, v, block, g], zero where a block reaches beyond its group.
PackedConstant pack_conv_weights(const FoldedConv &conv, int co, int ci_per_group, int kernel, int groups,
                                 int co_block);
/// [co_block, block, g]
PackedConstant pack_conv_bias(const FoldedConv &conv, int co, int groups, int co_block);
/// [c, u, v]
PackedConstant pack_depthwise_weights(const FoldedConv &conv, int channels, int kernel);
/// [k, c] from PyTorch's [k][c]
PackedConstant pack_linear_weights(const std::vector<float> &weights, int out, int in);

}  // namespace afnet
