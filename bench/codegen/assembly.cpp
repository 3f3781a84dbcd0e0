#include "bench/codegen/assembly.h"

#include <algorithm>
#include <sstream>

#include "runtime/text.h"

namespace afnet {

namespace {

constexpr const char *kBlanks = " \t\r";

std::string trimmed(const std::string &text) {
    const size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string::npos) return "";
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// A string in quotes may hold what begins a comment: only directives have such, which are passed over anyway.
std::string without_comment(const std::string &line, Isa isa) {
    return line.substr(0, isa == Isa::X86 ? line.find('#') : line.find("//"));
}

// Commas within brackets belong to an operand: `64(%r8,%r14,4)`, `[x8, #16]`, `{ v0.4s, v1.4s }`.
std::vector<std::string> split_operands(const std::string &text) {
    std::vector<std::string> operands;
    int depth = 0;
    size_t begin = 0;
    for (size_t i = 0; i <= text.size(); i++) {
        const char c = i < text.size() ? text[i] : ',';
        if (c == '(' || c == '[' || c == '{') depth++;
        if (c == ')' || c == ']' || c == '}') depth--;
        if (c != ',' || (depth > 0 && i < text.size())) continue;
        const std::string operand = trimmed(text.substr(begin, i - begin));
        if (!operand.empty()) operands.push_back(operand);
        begin = i + 1;
    }
    return operands;
}

bool is_prefix(const std::string &word) {
    static const std::vector<std::string> prefixes = {"lock",    "rep",    "repe",  "repne",
                                                      "notrack", "data16", "{vex}", "{evex}"};
    return std::find(prefixes.begin(), prefixes.end(), word) != prefixes.end();
}

AsmInstruction parse_instruction(std::string text) {
    AsmInstruction instruction;
    for (;;) {
        const size_t end = std::min(text.find_first_of(" \t;"), text.size());
        instruction.name = text.substr(0, end);
        text = end < text.size() ? trimmed(text.substr(end + 1)) : "";
        if (text.empty() || !is_prefix(instruction.name)) break;
    }
    instruction.operands = split_operands(text);
    instruction.text = instruction.name + (instruction.operands.empty() ? "" : " " + join(instruction.operands));
    return instruction;
}

bool is_local(const std::string &label) {
    return starts_with(label, ".L");
}

} // namespace

Isa isa_of(const Target &target) {
    return starts_with(target.name, "arm") ? Isa::Arm : Isa::X86;
}

std::vector<AsmFunction> parse_assembly(const std::string &text, Isa isa) {
    std::vector<AsmFunction> functions;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const std::string content = trimmed(without_comment(line, isa));
        if (content.empty()) continue;
        if (content.back() == ':' && content.find_first_of(kBlanks) == std::string::npos) {
            const std::string label = content.substr(0, content.size() - 1);
            if (!is_local(label)) {
                functions.push_back({label, {}, {}});
            } else if (!functions.empty()) {
                functions.back().labels[label] = functions.back().instructions.size();
            }
            continue;
        }
        if (content[0] == '.' || functions.empty()) continue;
        functions.back().instructions.push_back(parse_instruction(content));
    }
    functions.erase(std::remove_if(functions.begin(), functions.end(),
                                   [](const AsmFunction &function) { return function.instructions.empty(); }),
                    functions.end());
    return functions;
}

} // namespace afnet
