// What a compiled kernel must not hold, instructions that the code generator knows but some CPUs of the target lack,
// and what it must hold, an instruction that the target is there for.
#pragma once

#include <string>
#include <vector>

#include "runtime/target.h"

namespace afnet {

/// Disassembles an object file where the target forbids or requires anything. Throws Error naming the first forbidden
/// instruction, or the required one that is missing, or when there is no disassembler.
void require_allowed_instructions(const std::string &object, const Target &target);

/// What objdump prints of an object file or a library; `target` is for the message where it fails.
std::string disassembly_of(const std::string &object, const Target &target);

/// The names of the instructions of each innermost loop, in their order: from the place that a jump at its end goes
/// back to, to that jump, where no other such loop lies within.
std::vector<std::vector<std::string>> innermost_loops(const std::string &disassembly);

/// The first of `forbidden` among the instructions of a disassembly by objdump; empty: none.
std::string forbidden_instruction(const std::string &disassembly, const std::vector<std::string> &forbidden);

} // namespace afnet
