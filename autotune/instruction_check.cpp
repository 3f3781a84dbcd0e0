#include "autotune/instruction_check.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <sstream>

#include "autotune/process.h"
#include "runtime/error.h"

namespace afnet {

namespace {

struct Instruction {
    uint64_t address = 0, jumps_to = 0; // 0: no jump within a function
    std::string name;
};

// "  1c:<tab>jne    10 <kernel+0x10>"
std::vector<Instruction> instructions_of(const std::string &disassembly) {
    std::vector<Instruction> found;
    std::istringstream lines(disassembly);
    for (std::string line; std::getline(lines, line);) {
        const size_t tab = line.find('\t');
        if (tab == std::string::npos) continue;
        const size_t end = line.find_first_of(" \t", tab + 1);
        Instruction instruction;
        instruction.address = std::strtoull(line.c_str(), nullptr, 16);
        instruction.name = line.substr(tab + 1, end - tab - 1);
        if (instruction.name[0] == 'j' && end != std::string::npos) {
            instruction.jumps_to = std::strtoull(line.c_str() + end, nullptr, 16);
        }
        found.push_back(std::move(instruction));
    }
    return found;
}

} // namespace

std::string forbidden_instruction(const std::string &disassembly, const std::vector<std::string> &forbidden) {
    for (const Instruction &instruction : instructions_of(disassembly)) {
        if (std::find(forbidden.begin(), forbidden.end(), instruction.name) != forbidden.end()) return instruction.name;
    }
    return "";
}

std::vector<std::vector<std::string>> innermost_loops(const std::string &disassembly) {
    const std::vector<Instruction> all = instructions_of(disassembly);
    std::vector<std::vector<std::string>> loops;
    size_t last_end = 0; // of the loops found: one that starts before is around them
    for (size_t i = 0; i < all.size(); i++) {
        if (all[i].jumps_to == 0 || all[i].jumps_to > all[i].address) continue;
        size_t begin = i;
        while (begin > 0 && all[begin].address > all[i].jumps_to && all[begin - 1].address < all[begin].address)
            begin--;
        if (all[begin].address != all[i].jumps_to || (!loops.empty() && begin <= last_end)) continue;
        loops.emplace_back();
        for (size_t at = begin; at <= i; at++)
            loops.back().push_back(all[at].name);
        last_end = i;
    }
    return loops;
}

std::string disassembly_of(const std::string &object, const Target &target) {
    const ProcessResult result = run_process({"objdump", "--disassemble", "--no-show-raw-insn", object});
    if (result.status != 0) {
        throw Error("objdump failed on " + object + ": " + result.output + "; `afnet compile` for " + target.name +
                    " needs it (Debian's package binutils)");
    }
    return result.output;
}

void require_allowed_instructions(const std::string &object, const Target &target) {
    if (target.forbidden.empty() && target.required.empty()) return;
    const std::string disassembly = disassembly_of(object, target);
    const std::string found = forbidden_instruction(disassembly, target.forbidden);
    if (!found.empty()) {
        throw Error(object + ": holds " + found + ", which some CPUs of target " + target.name +
                    " lack; change the kernel's knobs");
    }
    if (!target.required.empty() && forbidden_instruction(disassembly, {target.required}).empty()) {
        throw Error(object + ": holds no " + target.required + ", which kernels of target " + target.name +
                    " are for; change the kernel's knobs");
    }
}

} // namespace afnet
