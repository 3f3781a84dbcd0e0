// One focal block of a network as a plan of its own: the network is said in full, and everything but the block is
// passed over, so that there is one description of what a block is.
#pragma once

#include <string>

#include "model/lowering.h"

namespace afnet {

/// A lowered focal block. The stream that it adds onto is its input where it has no projection: `output` is `input`
/// then.
struct LoweredBlock {
    LoweredNetwork network;                         // only the block's steps, parameters and constants
    TensorId input = kNoTensor, output = kNoTensor; // [c, x, y, f]: Lent, or Input where stored with more than that
    TensorId mask = kNoTensor;                      // Input int32 [f]
};

/// Lowers focal block `block`, for example `layer2.refine_module.1`, of a network; of `shape` width and height are
/// those of the block's input, any from 1 to 4096. The mask is an input, and what the block leaves is whole, as with
/// RunShape::taps. Throws Error where the network has no such block (it lists those that it has), or masks in space.
LoweredBlock lower_block(const ModelDescription &description, const std::string &block, RunShape shape);

/// Every focal block of a network, in the order in which they run.
std::vector<std::string> focal_blocks(const ModelDescription &description);

} // namespace afnet
