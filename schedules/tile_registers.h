// AMX's tile registers as accumulators of a matrix product. A lowering pass of ours, as Halide 21's own
// (MemoryType::AMXTile) keeps one accumulator per Func and recognises few ways of writing an index: docs/bf16.md.
#pragma once

#include <map>
#include <string>

#include "Halide.h"

namespace afnet::schedules {

/// The largest matrices of a tile register: rows, bytes of a row.
constexpr int kTileRows = 16, kTileRowBytes = 64;

/// Names of the three loops that one tile instruction stands for, given to splits of a Func's update: the result's
/// rows (pixels), its columns (output channels), and what is summed over (input channels). They must be the innermost
/// ones, serial, of constant extents. Loops around them may be unrolled: each of their iterations that has another
/// place in the Func gets a register of its own.
constexpr const char *kTileRow = "tile_row", *kTileColumn = "tile_column", *kTileSum = "tile_sum";

/// To be run as a custom lowering pass: computes the Func `sum`,
///   sum(column, row) = 0;  sum(column, row) += f32(bf16 a(k, row)) * f32(bf16 b(k % 2, column, k / 2)),
/// in tile registers, which are zeroed before the update and stored to the Func's memory behind it. Stops the generator
/// where a loop nest is not of that form or does not fit the registers.
class SumInTileRegisters : public Halide::Internal::IRMutator {
public:
    explicit SumInTileRegisters(std::string sum) : sum_(std::move(sum)) {}

private:
    using Halide::Internal::IRMutator::visit;
    Halide::Internal::Stmt visit(const Halide::Internal::LetStmt *op) override;
    Halide::Internal::Stmt visit(const Halide::Internal::ProducerConsumer *op) override;

    std::string sum_;
    std::map<std::string, Halide::Expr> bound_; // what is bound here: parts of indices that were hoisted out of loops
};

} // namespace afnet::schedules
