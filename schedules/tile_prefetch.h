// Prefetches for the register tile that comes next: a lowering pass of ours. Halide's own directive prefetches a box,
// which is every frame where a work list or TSM says which one is read; here the addresses are those of this tile's
// loads, moved on.
#pragma once

#include <string>

#include "Halide.h"

namespace afnet::schedules {

/// How far one column of a tile is from the next in each buffer, in elements, and how many columns a tile has.
struct TileColumns {
    int input = 0, residual = 0;
    int count = 0;
};

/// To be run as a custom lowering pass on kernels that sum a tile in the Func `sum` and then store it. While a tile is
/// summed, each iteration of the innermost loop asks for its share of the lines that this loop will read of `input` in
/// a later tile; before it is stored, for the lines of `residual` that a later tile will read and, in place, write.
/// Nothing is asked for where `input` and `output`, [c, g, x, y, f] all of them, have less than `least_elements`
/// together: those are in cache, where asking costs more than it brings.
class PrefetchTiles : public Halide::Internal::IRMutator {
public:
    PrefetchTiles(std::string sum, const TileColumns &columns, int least_elements)
        : sum_(std::move(sum)), columns_(columns), least_elements_(least_elements) {}

    using Halide::Internal::IRMutator::mutate;
    /// Of the whole kernel.
    Halide::Internal::Stmt mutate(const Halide::Internal::Stmt &stmt) override;

private:
    using Halide::Internal::IRMutator::visit;
    Halide::Internal::Stmt visit(const Halide::Internal::ProducerConsumer *op) override;
    Halide::Internal::Stmt visit(const Halide::Internal::For *op) override;

    std::string sum_;
    TileColumns columns_;
    int least_elements_;
    bool inside_ = false, summing_ = false;
};

} // namespace afnet::schedules
