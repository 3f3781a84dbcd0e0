// What a kernel's machine code consists of, in numbers.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/codegen/loops.h"

namespace afnet {

/// Counts over some instructions, each counted once, however often it runs.
struct CodeCounts {
    size_t instructions = 0;
    std::array<size_t, kInstructionClasses> of_class{}; // by InstructionClass; their sum is `instructions`
    std::map<std::string, size_t> fma;                  // by mnemonic
    std::map<int, size_t> widths; // vector bits -> instructions; those on one element of a vector are not in it
    size_t memory_operands = 0;   // instructions that compute with an operand from memory
    size_t vector_registers = 0;  // different ones
    size_t spill_stores = 0;      // to fixed places in the stack frame
    size_t spill_loads = 0;       // from there, operands of instructions that compute included
    size_t vector_spills = 0;     // of both, those of vectors

    size_t of(InstructionClass kind) const { return of_class[size_t(kind)]; }
    size_t spills() const { return spill_stores + spill_loads; }
    /// The width that most vector instructions have, in bits; the larger of two as frequent; 0: there are none.
    int dominant_width() const;
};

/// An innermost loop with its instructions.
struct LoopFigures {
    std::string function;
    size_t begin = 0; // number of its first instruction within the function
    int depth = 1;
    size_t blocks = 1;
    CodeCounts counts;
    std::vector<std::string> text; // of its instructions

    /// Bits of vectors that one iteration multiplies and adds, at most.
    double fma_bits = 0;
};

struct CodeFigures {
    CodeCounts all;   // spills of whole functions: saved registers are among them
    CodeCounts inner; // over all innermost loops
    std::vector<LoopFigures> loops;
    size_t main = size_t(-1); // place in `loops` of the main loop, see below

    /// Null where no loop is left.
    const LoopFigures *main_loop() const { return main < loops.size() ? &loops[main] : nullptr; }
};

/// Figures of an assembly text. The main loop is the innermost one whose iteration multiplies and adds the most; where
/// none does, the one with the most vector instructions, then the longest. Which loop a run spends its time in depends
/// on shapes: this is the one that a schedule is written for.
CodeFigures figures_of_assembly(const std::string &text, Isa isa);

} // namespace afnet
