// Assembly text, as the code generator prints it, to functions and instructions. Text instead of a disassembly: it has
// labels where jumps go, needs no disassembler for another architecture, and holds no padding.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/target.h"

namespace afnet {

/// Whose instructions a text holds; x86-64 is in AT&T's syntax: the destination comes last.
enum class Isa { X86, Arm };

/// The instructions of a target.
Isa isa_of(const Target &target);

struct AsmInstruction {
    std::string name;                  // mnemonic, without prefixes such as `lock`
    std::vector<std::string> operands; // in the text's order
    std::string text;                  // mnemonic and operands with single spaces, no comment
};

struct AsmFunction {
    std::string name;
    std::vector<AsmInstruction> instructions;
    std::map<std::string, size_t> labels; // local ones: number of the instruction behind each
};

/// The functions of an assembly text that hold instructions, in its order. Directives, data and comments are passed
/// over.
std::vector<AsmFunction> parse_assembly(const std::string &text, Isa isa);

} // namespace afnet
