// Checkpoint parameters to what kernels read: BatchNorm folded into the convolution before it, weights in blocks of
// output channels.
#pragma once

#include <string>
#include <vector>

#include "model/plan_builder.h"

namespace afnet {

// y = gamma (conv(x) - mean) / sqrt(var + 1e-5) + beta becomes one convolution with bias; computed in double.

/// The convolution's weights with its BatchNorm's scale, in PyTorch's order [co][ci / g][k][k].
std::vector<float> folded_weights(const Weights &weights, const std::string &conv, const std::string &norm, int co,
                                  int ci_per_group, int kernel);
/// The bias that the BatchNorm leaves, [co].
std::vector<float> folded_bias(const Weights &weights, const std::string &norm, int co);

/// [co_block, ci / g, u, v, block, g], zero where a block reaches beyond its group.
PackedConstant pack_conv_weights(const std::vector<float> &weights, int co, int ci_per_group, int kernel, int groups,
                                 int co_block);
/// [co_block, block, g]
PackedConstant pack_conv_bias(const std::vector<float> &bias, int co, int groups, int co_block);
/// [c, u, v]
PackedConstant pack_depthwise_weights(const std::vector<float> &weights, int channels, int kernel);
/// [k, c] from PyTorch's [k][c]
PackedConstant pack_linear_weights(const std::vector<float> &weights, int out, int in);

}  // namespace afnet
