// What patches of one size cost, and what they save: arithmetic on measured times of focal blocks.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace afnet {

/// Times of the gated kernels of focal blocks, in milliseconds.
struct GatedTimes {
    double gather = 0, compact = 0, scatter = 0; // first, middle and last convolutions
    double sum() const { return gather + compact + scatter; }
};

/// One focal block, or several together, with a mask in space: by lists of its pixels, in milliseconds.
struct PatchCosts {
    GatedTimes dense;  // of the network without masks
    GatedTimes listed; // at listed points
    double index = 0;  // patch choice, lists of points and tiles
    double fill = 0;   // what pixels that are not listed get
    double halo = 0;   // of listed.compact: beyond the same kernel on a contiguous list of as many points
    double whole = 0;  // the same mask with all pixels computed: choice, convolutions, and what clears rejected pixels

    double listed_sum() const { return index + listed.sum() + fill; }
    PatchCosts &operator+=(const PatchCosts &other);
};

/// One line of where the time of lists goes beyond the part of the dense time that the mask leaves.
struct CostLine {
    std::string name;
    double ms = 0;
};

/// One block or stage at one patch size, shape and ratio.
struct GranularityRow {
    std::string stage, layer; // layer: the block; of a sum over a stage's blocks, the stage
    int blocks = 1;
    std::string patches;            // shape
    int grid = 0;                   // patches across and down
    int width = 0;                  // of the map; patches are width / grid pixels wide
    int tile_side = 0;              // of the 3x3 convolution's tiles
    double rs = 1, realised_rs = 1; // of pixels
    double computed = 1;            // pixels that tiles compute, over those that are listed
    double read = 1;                // pixels that tiles read, over those that are listed
    double planned_break_even = 1;  // the plan's own
    PatchCosts costs;

    double patch_side() const { return double(width) / grid; }
    /// (dense - lists) / ((1 - RS) dense); none where RS is 1.
    std::optional<double> share() const;
    /// index, gather, compact, halo, scatter, fill and total: lists less RS times the dense kernels. `compact` is
    /// without halo. The first ones add up to the last.
    std::vector<CostLine> lines() const;
};

/// Adds a row for each stage, grid, shape and ratio: the sums over its blocks, and their mean ratios.
std::vector<GranularityRow> with_stages(const std::vector<GranularityRow> &blocks);

/// Where computing all pixels begins to be quicker than lists.
struct BreakEven {
    GranularityRow of;              // its first row: layer, grid and shape
    double most = 0;                // the largest RS that was measured
    std::optional<double> realised; // largest RS at which lists take no longer, interpolated; none: at none measured
};
std::vector<BreakEven> break_evens(const std::vector<GranularityRow> &rows);

/// `layer1, patches of 8 pixels, blob: by lists up to RS 0.700, all pixels above; plans change at 0.680`.
std::string advice(const BreakEven &even);

} // namespace afnet
