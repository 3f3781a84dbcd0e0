// Prefetches for listed points: a lowering pass of ours, as tile_prefetch.h is for dense tiles. No hardware foresees
// where a list goes on, but the list says it.
#pragma once

#include <string>
#include <vector>

#include "Halide.h"

namespace afnet::schedules {

/// What a kernel asks for.
struct PointPrefetches {
    std::string read; // the Func that copies what listed points read of `input`, point by point; empty: nothing of it
    int ahead = 0;    // points of a tile: as many places further in `list`, [5, n], lie those that are asked for
    std::string sum;  // the Func that sums a tile to which `residual` is added; empty: nothing of that
    int least_points = 0; // of a list: what fewer read is in cache, where asking costs more than it brings
};

/// To be run as a custom lowering pass. While a tile is summed, the lines of a later one are asked for, some points in
/// each turn of the loops around the innermost: all at once they would fill the processor's list of pending misses, and
/// the sums would wait for it. Before a tile is summed, the lines of `residual` that it will be added to are asked for.
class PrefetchPoints : public Halide::Internal::IRMutator {
public:
    explicit PrefetchPoints(PointPrefetches wanted) : wanted_(std::move(wanted)) {}

    using Halide::Internal::IRMutator::mutate;
    /// Of the whole kernel.
    Halide::Internal::Stmt mutate(const Halide::Internal::Stmt &stmt) override;

private:
    using Halide::Internal::IRMutator::visit;
    Halide::Internal::Stmt visit(const Halide::Internal::ProducerConsumer *op) override;
    Halide::Internal::Stmt visit(const Halide::Internal::For *op) override;
    Halide::Internal::Stmt visit(const Halide::Internal::LetStmt *op) override;
    Halide::Internal::Stmt visit(const Halide::Internal::Block *op) override;

    Halide::Internal::Stmt ask_for_share() const;

    PointPrefetches wanted_;
    bool inside_ = false, reading_ = false, consuming_ = false;
    const Halide::Internal::For *points_ = nullptr;       // the loop that copies a tile's points
    std::vector<const Halide::Internal::LetStmt *> bound_; // around that loop, in the copy
    std::vector<const Halide::Internal::For *> around_;    // the loops of a tile's sums down to here
};

} // namespace afnet::schedules
