#include "bench/codegen/instruction_kind.h"

#include <algorithm>

#include "runtime/text.h"

namespace afnet {

const char *class_name(InstructionClass kind) {
    static const char *const names[kInstructionClasses] = {"fma",    "load",   "store", "vector",
                                                           "scalar", "branch", "call",  "prefetch"};
    return names[int(kind)];
}

namespace {

// The register that an instruction computes, as far as its place tells; empty for comparisons and stores.
std::string written_register(const AsmInstruction &instruction, Isa isa) {
    const std::string &name = instruction.name;
    if (instruction.operands.empty()) return "";
    if (isa == Isa::Arm) return starts_with(name, "st") || starts_with(name, "cmp") ? "" : instruction.operands[0];
    return starts_with(name, "cmp") || starts_with(name, "test") || starts_with(name, "push")
               ? ""
               : instruction.operands.back();
}

// `popq %rbp`, `ldp x29, x30, [sp], #16`: the caller's value comes back.
bool restores(const AsmInstruction &instruction) {
    if (starts_with(instruction.name, "pop")) return true;
    return starts_with(instruction.name, "ld") &&
           std::any_of(instruction.operands.begin(), instruction.operands.end(),
                       [](const std::string &operand) { return starts_with(operand, "[sp"); });
}

// `movq %rsp, %rbp`, `leaq 64(%rsp), %rbp`; `mov x29, sp`, `add x29, sp, #64`.
bool follows_stack(const AsmInstruction &instruction, Isa isa) {
    const auto &operands = instruction.operands;
    if (operands.size() < 2) return false;
    if (isa == Isa::X86) {
        return (instruction.name == "movq" && operands[0] == "%rsp") ||
               (instruction.name == "leaq" && ends_with(operands[0], "(%rsp)"));
    }
    const bool fixed = operands.size() < 3 || operands[2][0] == '#';
    return (instruction.name == "mov" || instruction.name == "add") && fixed && operands[1] == "sp";
}

} // namespace

// Only registers that the code generator keeps for this, and that nothing else writes: others may hold the address of
// an array on the stack, whose elements are no spilled values.
std::set<std::string> frame_registers(const AsmFunction &function, Isa isa) {
    const std::set<std::string> kept =
        isa == Isa::X86 ? std::set<std::string>{"%rbp", "%rbx"} : std::set<std::string>{"x29", "x19"};
    std::set<std::string> frame, others;
    for (const AsmInstruction &instruction : function.instructions) {
        const std::string written = written_register(instruction, isa);
        if (kept.count(written) == 0 || restores(instruction)) continue;
        (follows_stack(instruction, isa) ? frame : others).insert(written);
    }
    for (const std::string &other : others)
        frame.erase(other);
    return frame;
}

InstructionKind kind_of(const AsmInstruction &instruction, Isa isa, const std::set<std::string> &frame) {
    return isa == Isa::X86 ? kind_on_x86(instruction, frame) : kind_on_arm(instruction, frame);
}

} // namespace afnet
