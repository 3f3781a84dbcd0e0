// What each clip of a batch cost: the multiply-accumulates that its masks had computed.
#pragma once

#include <vector>

#include "model/network.h"

namespace afnet {

/// Multiply-accumulates of the last run by clip, of convolutions and linears; their sum is Network::macs(). Where a
/// focal block with masks in space computed whole frames, they are counted whole, as they are where tiles of its list
/// reach beyond the mask.
std::vector<double> clip_macs(Network &network);

} // namespace afnet
