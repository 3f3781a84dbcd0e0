// The pictures of a study of patch sizes.
#pragma once

#include <string>

#include "bench/granularity_bench.h"

namespace afnet {

/// The share of the gain that each stage realises, against the side of its patches.
std::string patch_share_figure(const GranularityCase &c, const std::string &patches, double rs);
/// What each line beyond theory costs a stage, in percent of its kernels without masks, against the side of its
/// patches.
std::string patch_costs_figure(const GranularityCase &c, const std::string &stage, const std::string &patches,
                               double rs);
/// A stage's time by lists of each grid, against the ratio of selected pixels; with all pixels computed, and without
/// masks.
std::string patch_time_figure(const GranularityCase &c, const std::string &stage, const std::string &patches);

} // namespace afnet
