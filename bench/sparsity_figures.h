// The pictures of a study of dynamic sparsity.
#pragma once

#include <string>
#include <vector>

#include "bench/sparsity_bench.h"

namespace afnet {

/// Time against the ratio of selected frames, or of selected patches, with theory and the network without masks: the
/// series of one of SparsityCase::groups().
std::string time_figure(const SparsityCase &c, const std::vector<SparsitySeries> &group);
/// The share of the gain against the ratio, after times, and of masks of frames after MACs.
std::string share_figure(const std::vector<SparsitySeries> &group);
/// Each focal block's time without masks, and at each ratio.
std::string block_figure(const SparsitySeries &series);
/// From the network without masks to the one with: what each block saves, what each overhead costs.
std::string waterfall_figure(const SparsityCase &c, const SparsitySeries &series, const SparsityPoint &point);
/// MACs per second of each kernel against its MACs per byte, below the machine's roof.
std::string roofline_figure(const SparsityCase &c);
/// Measured speed-up against the ratio of all cases that have a series of this title.
std::string speedup_figure(const std::vector<SparsityCase> &cases, const std::string &title);

}  // namespace afnet
