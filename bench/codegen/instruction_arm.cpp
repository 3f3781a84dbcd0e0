// AArch64 with Advanced SIMD.
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <regex>

#include "bench/codegen/instruction_kind.h"
#include "runtime/text.h"

namespace afnet {

namespace {

// Notes the vector registers of an operand: `v12.4s`, `{ v0.4s, v1.4s }[0]`, `v2.s[1]`, `q3`, `s0`. True where it is a
// vector or an element of one, not a scalar.
bool note_registers(const std::string &operand, InstructionKind &kind) {
    static const std::regex named("\\b([vqdshb])([0-9]{1,2})(\\.([0-9]*)([bhsd]))?(?![0-9a-z_])");
    if (operand[0] == '[' || operand[0] == '#') return false;
    bool vector = false;
    for (std::sregex_iterator each(operand.begin(), operand.end(), named), end; each != end; ++each) {
        const std::smatch &match = *each;
        kind.vector_registers.insert(std::atoi(match[2].str().c_str()));
        int bits = match[1] == "q" ? 128 : 0;
        if (match[4].length() > 0) {
            const char element = match[5].str()[0];
            const int size = element == 'b' ? 8 : element == 'h' ? 16 : element == 's' ? 32 : 64;
            bits = std::atoi(match[4].str().c_str()) * size;
        }
        vector |= match[1] == "v" || match[1] == "q";
        kind.vector_bits = std::max(kind.vector_bits, bits);
    }
    return vector;
}

bool is_fma(const std::string &name) {
    static const std::regex fused("fmla|fmls|fmlal2?|fmlsl2?|fn?m(add|sub)|bfdot|bfmmla|bfmlal[bt]|[su]dot|usdot|"
                                  "[su]mmla|usmmla");
    return std::regex_match(name, fused);
}

// `[sp, #16]`, `[x29, #-8]!`: without an index register, which would be an array's.
bool in_frame(const std::string &operand, const std::set<std::string> &frame) {
    const size_t end = operand.find_first_of(",]");
    const std::string base = operand.substr(1, end - 1);
    if (base != "sp" && frame.count(base) == 0) return false;
    const size_t offset = operand.find_first_not_of(", ", end);
    return offset == std::string::npos || operand[offset] == ']' || operand[offset] == '#';
}

void classify_jump(const AsmInstruction &instruction, InstructionKind &kind) {
    kind.kind = InstructionClass::Branch;
    kind.ends_path =
        instruction.name == "b" || instruction.name == "br" || instruction.name == "ret" || instruction.name == "brk";
    if (instruction.operands.empty()) return;
    if (starts_with(instruction.operands.back(), ".L")) {
        kind.target = instruction.operands.back();
    } else if (instruction.name == "b") {
        kind.kind = InstructionClass::Call; // the last one of its function
    }
}

bool is_jump(const std::string &name) {
    static const std::regex jump("b|b\\.[a-z]{2}|cbn?z|tbn?z|br|ret|brk");
    return std::regex_match(name, jump);
}

bool is_prefetch(const std::string &name) {
    return name == "prfm" || name == "prfum";
}

} // namespace

InstructionKind kind_on_arm(const AsmInstruction &instruction, const std::set<std::string> &frame) {
    InstructionKind kind;
    const std::string &name = instruction.name;
    if (name == "bl" || name == "blr") {
        kind.kind = InstructionClass::Call;
        return kind;
    }
    if (is_jump(name)) {
        classify_jump(instruction, kind);
        return kind;
    }
    if (is_prefetch(name)) {
        kind.kind = InstructionClass::Prefetch;
        return kind;
    }
    bool vector = false;
    for (const std::string &operand : instruction.operands) {
        vector |= note_registers(operand, kind);
        if (operand[0] == '[') kind.frame |= in_frame(operand, frame);
    }
    if (is_fma(name)) {
        kind.kind = InstructionClass::Fma;
    } else if (starts_with(name, "ld")) {
        kind.kind = InstructionClass::Load;
        kind.reads = true;
    } else if (starts_with(name, "st")) {
        kind.kind = InstructionClass::Store;
        kind.writes = true;
    } else {
        kind.kind = vector ? InstructionClass::Vector : InstructionClass::Scalar;
    }
    return kind;
}

} // namespace afnet
