// Loops of a function, from where its jumps go.
#pragma once

#include <vector>

#include "bench/codegen/instruction_kind.h"

namespace afnet {

/// An innermost loop: no other loop lies within.
struct InnerLoop {
    std::vector<size_t> instructions; // numbers within the function, ascending
    int depth = 1;                    // loops that it is in, itself included
    size_t blocks = 1;                // straight pieces; more than one: some instructions may be skipped
};

/// The natural loops of the function's control flow that hold no other one, in the order of the text. `kinds` has one
/// entry for each instruction. Code behind a jump to an address in a register is only seen where a label leads to it.
std::vector<InnerLoop> innermost_loops_of(const AsmFunction &function, const std::vector<InstructionKind> &kinds);

} // namespace afnet
