// Prefetches for listed points that come later: a lowering pass of ours, as tile_prefetch.h is for dense tiles. No
// hardware foresees where a list goes on, but the list says it.
#pragma once

#include <string>

#include "Halide.h"

namespace afnet::schedules {

/// To be run as a custom lowering pass on kernels whose Func `read` copies what listed points read of `input`, point by
/// point. While a point is copied, the lines of the point `ahead` places further in `list`, [5, n], are asked for; not
/// where the list has fewer than `least_points`: what those read is in cache, where asking costs more than it brings.
class PrefetchPoints : public Halide::Internal::IRMutator {
public:
    PrefetchPoints(std::string read, int ahead, int least_points)
        : read_(std::move(read)), ahead_(ahead), least_points_(least_points) {}

    using Halide::Internal::IRMutator::mutate;
    /// Of the whole kernel.
    Halide::Internal::Stmt mutate(const Halide::Internal::Stmt &stmt) override;

private:
    using Halide::Internal::IRMutator::visit;
    Halide::Internal::Stmt visit(const Halide::Internal::ProducerConsumer *op) override;
    Halide::Internal::Stmt visit(const Halide::Internal::For *op) override;

    std::string read_;
    int ahead_, least_points_;
    bool inside_ = false, reading_ = false;
};

} // namespace afnet::schedules
