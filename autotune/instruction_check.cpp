#include "autotune/instruction_check.h"

#include <algorithm>
#include <sstream>

#include "autotune/process.h"
#include "runtime/error.h"

namespace afnet {

std::string forbidden_instruction(const std::string &disassembly, const std::vector<std::string> &forbidden) {
    std::istringstream lines(disassembly);
    for (std::string line; std::getline(lines, line);) {
        // "  1c:<tab>extrq  $0x0,$0x0,%xmm0"
        const size_t tab = line.find('\t');
        if (tab == std::string::npos) continue;
        const std::string word = line.substr(tab + 1, line.find_first_of(" \t", tab + 1) - tab - 1);
        if (std::find(forbidden.begin(), forbidden.end(), word) != forbidden.end()) return word;
    }
    return "";
}

void require_allowed_instructions(const std::string &object, const Target &target) {
    if (target.forbidden.empty()) return;
    const ProcessResult result = run_process({"objdump", "--disassemble", "--no-show-raw-insn", object});
    if (result.status != 0) {
        throw Error("objdump failed on " + object + ": " + result.output + "; `afnet compile` for " + target.name +
                    " needs it (Debian's package binutils)");
    }
    const std::string found = forbidden_instruction(result.output, target.forbidden);
    if (found.empty()) return;
    throw Error(object + ": holds " + found + ", which some CPUs of target " + target.name +
                " lack; change the kernel's knobs");
}

} // namespace afnet
