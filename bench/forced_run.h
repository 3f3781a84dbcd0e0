// Runs of networks with forced masks, in turn.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "model/network.h"

namespace afnet {

/// The masks of one run: of frames [selection][f], and of patches [block][gx, gy, f]; empty: not forced.
struct ForcedMasks {
    std::vector<std::vector<int>> frames, patches;
    /// Density above which blocks compute all pixels; none: each plan's own (model/spatial_break_even.h).
    std::optional<double> break_even;
};

/// One network with the masks that it is to have, and the times of its steps in every run that measured them.
struct ForcedRun {
    Network *network = nullptr;
    ForcedMasks masks;
    std::vector<std::vector<double>> steps; // [run][step], ms

    /// Gives the network its masks: others may have run it meanwhile.
    void prepare();
    /// As users run it: on a device the steps are handed over at once, and none is measured.
    void run();
    /// Measures the steps; on a device each is waited for.
    void run_steps();
};

/// Runs all in turn (bench/measure.h); gives each one's times in milliseconds. Masks are given outside of these.
std::vector<std::vector<double>> run_in_turn(std::vector<ForcedRun> &runs, int rounds, double seconds,
                                             const std::function<void(size_t round)> &progress);

} // namespace afnet
