// What masks save, what they could save, and where the difference goes: arithmetic on measured times.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/sparsity_steps.h"

namespace afnet {

/// The times of one network, in milliseconds: the median run, and each of its steps.
struct NetworkTimes {
    double ms = 0;
    std::vector<double> steps;
};

/// From the times of all runs and of their steps ([run][step]; runs that were not measured may stand in front). A
/// step's time is its mean over the middle third of runs, after their whole times: so steps add up to what a median run
/// takes in its kernels, which medians of steps do not.
NetworkTimes network_times(const std::vector<double> &runs, const std::vector<std::vector<double>> &steps);

/// The same where steps were measured in runs of their own, in which each was waited for: their means, all made shorter
/// by the part by which a median run is shorter than they are together.
NetworkTimes scaled_times(const std::vector<double> &runs, const std::vector<std::vector<double>> &steps);

/// What a focal block computes: the part `rt` of frames, and of these the part `rs` of pixels.
struct BlockPart {
    double rt = 1, rs = 1;
    double of_all() const { return rt * rs; }
};

/// One focal block, with masks against without.
struct BlockTimes {
    std::string block;
    BlockPart realised;
    double dense_ms = 0;      // its gated kernels without masks
    double theory_ms = 0;     // dense_ms x realised.of_all()
    double masked_ms = 0;     // its gated kernels, and what fills unselected frames and pixels
    double navigation_ms = 0; // navigations, index building, patch choice and patch lists
};

/// One line of the account of time that masks cost beyond theory.
struct Overhead {
    std::string name;
    double ms = 0;
    double percent = 0;  // of the network without masks
};

/// All of one mask, measured against the network without masks.
struct SparsityAccount {
    double theory_ms = 0;                     // t_dense - sum over blocks of (1 - r_b) t_b, r_b = RT_b x RS_b
    double speedup_theory = 1;                // t_dense / theory_ms
    double speedup_measured = 1;              // t_dense / t
    std::optional<double> share, share_macs;  // of the gain; none where there is none to be had
    std::vector<BlockTimes> blocks;
    /// navigation, index building, gather, compact, scatter, fill, other layers, between kernels, total; with masks in
    /// space also spatial navigation, patch choice and patch lists. The first ones add up to the last, which is
    /// t - theory_ms.
    std::vector<Overhead> overheads;
};

/// `names` and `parts`: of the focal blocks. `gmac`, `gmac_dense`: computed with masks, and without.
SparsityAccount account(const StepRoles &roles, const std::vector<std::string> &names,
                        const std::vector<BlockPart> &parts, const NetworkTimes &dense, const NetworkTimes &masked,
                        double gmac_dense, double gmac);

/// (speedup - 1) / (possible - 1); none where `possible` is not above 1.
std::optional<double> gain_share(double speedup, double possible);

/// Quartiles of t_dense / t over rounds, in which both ran one after the other: how sure a speed-up is.
struct SpeedupSpread {
    double lower = 1, upper = 1;
};
SpeedupSpread speedup_spread(const std::vector<double> &dense, const std::vector<double> &masked);

/// A measured point of the curve of time over a ratio, of selected frames or of selected patches.
struct RatioTime {
    double ratio = 0, ms = 0;
};

/// The largest ratio at which the time is no longer than `dense_ms`, interpolated between measured ones; none where it
/// is longer at all of them.
std::optional<double> break_even_ratio(std::vector<RatioTime> points, double dense_ms);

}  // namespace afnet
