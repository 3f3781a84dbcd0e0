// What an instruction is: its class, the vectors that it works on, and what it does to memory.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "bench/codegen/assembly.h"

namespace afnet {

/// Each instruction has one of these. One that computes with an operand from memory is no load: `reads` tells.
enum class InstructionClass { Fma, Load, Store, Vector, Scalar, Branch, Call, Prefetch };
constexpr int kInstructionClasses = 8;

/// `fma`, `load`, `store`, `vector`, `scalar`, `branch`, `call`, `prefetch`.
const char *class_name(InstructionClass kind);

struct InstructionKind {
    InstructionClass kind = InstructionClass::Scalar;
    bool reads = false, writes = false; // memory
    bool frame = false;                 // at a fixed place in the function's stack frame, where spilled values are
    int vector_bits = 0;                // of the widest vector that it works on; 0: none, or one element of it
    std::set<int> vector_registers;     // numbers of those that it names, whatever part of them
    bool ends_path = false;             // nothing runs on behind it: return, unconditional jump
    std::string target;                 // the local label that it may jump to; empty: none
};

/// Registers besides the stack pointer that hold a fixed place of a function's stack frame.
std::set<std::string> frame_registers(const AsmFunction &function, Isa isa);

/// Fused multiply-adds are those of floats (with products of pairs of bf16, and AMX's tiles) and dot products of bytes.
/// Scalar floating point is scalar, but where it is a fused multiply-add.
InstructionKind kind_of(const AsmInstruction &instruction, Isa isa, const std::set<std::string> &frame);

// Both are called by kind_of.
InstructionKind kind_on_x86(const AsmInstruction &instruction, const std::set<std::string> &frame);
InstructionKind kind_on_arm(const AsmInstruction &instruction, const std::set<std::string> &frame);

} // namespace afnet
