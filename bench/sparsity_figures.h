// The pictures of a study of dynamic sparsity.
#pragma once

#include <string>
#include <vector>

#include "bench/sparsity_bench.h"

namespace afnet {

/// Time against the ratio of selected frames, with theory and the network without masks.
std::string time_figure(const SparsityCase &c);
/// The share of the gain against the ratio, after times and after MACs.
std::string share_figure(const SparsityCase &c);
/// Each focal block's time without masks, and at each ratio.
std::string block_figure(const SparsityCase &c, const std::string &mask);
/// From the network without masks to the one with: what each block saves, what each overhead costs.
std::string waterfall_figure(const SparsityCase &c, const SparsityPoint &point);
/// MACs per second of each kernel against its MACs per byte, below the machine's roof.
std::string roofline_figure(const SparsityCase &c);
/// Measured speed-up against the ratio of all cases that share a mask.
std::string speedup_figure(const std::vector<SparsityCase> &cases, const std::string &mask);

}  // namespace afnet
