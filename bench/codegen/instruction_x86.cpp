// x86-64 in AT&T's syntax.
#include <algorithm>
#include <cstdlib>
#include <regex>

#include "bench/codegen/instruction_kind.h"
#include "runtime/text.h"

namespace afnet {

namespace {

constexpr int kTileBits = 16 * 512; // an AMX register: 16 rows of 64 bytes

bool is_memory(const std::string &operand) {
    return operand[0] != '$' && operand[0] != '%' && operand[0] != '{' && operand[0] != '*';
}

// `%zmm3`, `%xmm12 {%k1} {z}`
void note_register(const std::string &operand, InstructionKind &kind) {
    if (operand.size() < 5 || operand[0] != '%') return;
    const std::string file = operand.substr(1, 3);
    const int bits = file == "xmm" ? 128 : file == "ymm" ? 256 : file == "zmm" ? 512 : file == "tmm" ? kTileBits : 0;
    if (bits == 0) return;
    kind.vector_bits = std::max(kind.vector_bits, bits);
    if (bits != kTileBits) kind.vector_registers.insert(std::atoi(operand.c_str() + 4));
}

bool names_mask(const std::string &operand) {
    return starts_with(operand, "%k");
}

// One element of an SSE register: `addss`, `vcvtsi2sd`, `vmovss`; not `vbroadcastss`, `vpabsd`.
bool is_scalar_float(const std::string &name) {
    static const std::regex scalar("v?((add|sub|mul|div|sqrt|min|max|cmp[a-z]*|u?comi|round|rndscale|mov|rcp(14)?|"
                                   "rsqrt(14)?|fn?m(add|sub)[0-9]+|getexp|getmant|scalef|range|reduce|fixupimm)s[sd]|"
                                   "cvtt?(s[sdi]2u?s[sdi]|usi2s[sd])[lq]?)");
    return std::regex_match(name, scalar);
}

bool is_fma(const std::string &name) {
    for (const char *prefix : {"vfmadd", "vfmsub", "vfnmadd", "vfnmsub", "vdpbf16", "vdpph", "vpdpb", "vpdpw", "tdp"}) {
        if (starts_with(name, prefix)) return true;
    }
    return false;
}

// Does nothing but bring a value from memory to a register, or back.
bool is_move(const std::string &name) {
    static const std::regex move("v?(mov|p?broadcast|pmov|lddqu|p?gather|p?expand|p?scatter|p?compress|maskmov|"
                                 "pmaskmov|extract|pextr)[a-z0-9]*|kmov.|tileload.*|tilestored|push.*|pop.|set[a-z]+");
    static const std::regex count("popcnt[wlq]?");
    return std::regex_match(name, move) && !std::regex_match(name, count);
}

// With memory as its last operand it reads that and writes flags or registers.
bool only_reads(const std::string &name) {
    static const std::regex reading("(cmp|test|bt|mul|imul|div|idiv)[bwlq]?");
    return std::regex_match(name, reading);
}

// `-24(%rsp)`: without an index, which would be an array's.
bool in_frame(const std::string &operand, const std::set<std::string> &frame) {
    const size_t open = operand.find('('), close = operand.find(')');
    if (open == std::string::npos || close == std::string::npos) return false;
    const std::string base = operand.substr(open + 1, close - open - 1);
    return base == "%rsp" || frame.count(base) > 0;
}

void classify_jump(const AsmInstruction &instruction, InstructionKind &kind) {
    const std::string to = instruction.operands.empty() ? "" : instruction.operands[0];
    const bool conditional = !starts_with(instruction.name, "jmp");
    kind.kind = InstructionClass::Branch;
    kind.ends_path = !conditional;
    if (starts_with(to, ".L")) {
        kind.target = to;
    } else if (to.empty() || to[0] != '*') {
        kind.kind = InstructionClass::Call; // the last one of its function
    }
}

void classify_memory(const AsmInstruction &instruction, const std::set<std::string> &frame, InstructionKind &kind) {
    const auto &operands = instruction.operands;
    for (size_t i = 0; i < operands.size(); i++) {
        if (!is_memory(operands[i])) continue;
        const bool last = i + 1 == operands.size();
        const bool vector = kind.vector_bits > 0;
        const bool stores = last && !only_reads(instruction.name) && !starts_with(instruction.name, "pushq") &&
                            !starts_with(instruction.name, "pop");
        kind.writes = stores;
        kind.reads = !stores || (!vector && !is_move(instruction.name)); // a scalar sum in memory does both
        kind.frame = in_frame(operands[i], frame);
    }
}

} // namespace

InstructionKind kind_on_x86(const AsmInstruction &instruction, const std::set<std::string> &frame) {
    InstructionKind kind;
    const std::string &name = instruction.name;
    if (starts_with(name, "call")) {
        kind.kind = InstructionClass::Call;
        return kind;
    }
    if (starts_with(name, "ret") || name == "ud2") {
        kind.kind = InstructionClass::Branch;
        kind.ends_path = true;
        return kind;
    }
    if (name[0] == 'j') {
        classify_jump(instruction, kind);
        return kind;
    }
    if (starts_with(name, "prefetch")) {
        kind.kind = InstructionClass::Prefetch;
        return kind;
    }
    bool vector = false;
    for (const std::string &operand : instruction.operands) {
        note_register(operand, kind);
        vector |= names_mask(operand);
    }
    vector |= kind.vector_bits > 0;
    if (!starts_with(name, "lea") && !starts_with(name, "nop")) classify_memory(instruction, frame, kind);
    if (is_scalar_float(name)) {
        vector = false;
        kind.vector_bits = 0;
    }
    const bool moves = is_move(name);
    if (is_fma(name)) {
        kind.kind = InstructionClass::Fma;
    } else if (kind.writes && (moves || vector)) {
        kind.kind = InstructionClass::Store;
    } else if (kind.reads && moves) {
        kind.kind = InstructionClass::Load;
    } else {
        kind.kind = vector ? InstructionClass::Vector : InstructionClass::Scalar;
    }
    return kind;
}

} // namespace afnet
