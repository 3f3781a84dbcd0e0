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
/// [co_block, ci / g, u, v, block, g] with u, v the points of Winograd's tiles of m x m outputs, m = 2, 4 or, with stride
/// 1, 5: G w G^T for each 3x3 filter w, computed in double and rounded once. The points are those of
/// generators/winograd_transforms.h.
PackedConstant pack_winograd_weights(const std::vector<float> &weights, int co, int ci_per_group, int groups,
                                     int co_block, int m, int stride = 1);
/// The same for bf16 instructions, which multiply two input channels at once: [2 co_block, ci / g / 2, u, v, block, g],
/// the weights of a pair side by side. ci / g must be even.
PackedConstant pack_conv_weight_pairs(const std::vector<float> &weights, int co, int ci_per_group, int kernel,
                                      int groups, int co_block);
/// [ci / g, u, v, co / g, g, 1]: a filter's channels innermost, as vendors' libraries want them.
PackedConstant pack_vendor_weights(const std::vector<float> &weights, int co, int ci_per_group, int kernel, int groups);
/// As the conv2d kernel wants them: its manifest names the algorithm and the block, or a vendor, its spec whether pairs
/// are read.
PackedConstant pack_conv2d_weights(const std::vector<float> &weights, int co, int ci_per_group, int kernel, int groups,
                                   const KernelEntry &entry);
/// [co_block, block, g], or [co / g, g, 1] for a vendor's kernel.
PackedConstant pack_conv2d_bias(const std::vector<float> &bias, int co, int groups, const KernelEntry &entry);
/// [co_block, ci, v, q, block, 1]: each row of a 7x7 filter for product q of generators/winograd_columns.h, computed in
/// double and rounded once.
PackedConstant pack_column_weights(const std::vector<float> &weights, int co, int ci, int co_block);
/// As the stem kernel wants them, whose manifest names the algorithm: pack_conv_weights or pack_column_weights; with bf16
/// [2 co_block, 11, 1, v, block, 1], the 21 elements of a filter's row, channels innermost, in pairs, with a zero behind
/// them.
PackedConstant pack_stem_weights(const std::vector<float> &weights, int co, const KernelEntry &entry);
/// As the expand_depthwise kernel wants its 1x1 convolution's: in the manifest's blocks, in pairs where the spec says
/// so.
PackedConstant pack_expansion_weights(const std::vector<float> &weights, int co, int ci_per_group, int groups,
                                      const KernelEntry &entry);
/// A knob that the kernel's manifest must name. Throws Error where it does not.
int knob_of(const KernelEntry &entry, const std::string &knob);
/// [co_block, block, g]
PackedConstant pack_conv_bias(const std::vector<float> &bias, int co, int groups, int co_block);
/// [c, u, v]
PackedConstant pack_depthwise_weights(const std::vector<float> &weights, int channels, int kernel);
/// [co_block, u, v, block, g], the channels in the blocks of the grouped convolution before it.
PackedConstant pack_blocked_depthwise_weights(const std::vector<float> &weights, int channels, int kernel, int groups,
                                              int co_block);
/// [co_block, c, block] from PyTorch's [k][c], zero where the last block reaches beyond the outputs.
PackedConstant pack_linear_weights(const std::vector<float> &weights, int out, int in, int co_block);
/// [co_block, block]
PackedConstant pack_linear_bias(const std::vector<float> &bias, int co_block);

}  // namespace afnet
