// What a compiled kernel must not hold: instructions that the code generator knows but some CPUs of the target lack.
#pragma once

#include <string>

#include "runtime/target.h"

namespace afnet {

/// Disassembles an object file where the target forbids anything. Throws Error naming the first forbidden instruction,
/// or when there is no disassembler.
void require_allowed_instructions(const std::string &object, const Target &target);

/// The first of `forbidden` among the instructions of a disassembly by objdump; empty: none.
std::string forbidden_instruction(const std::string &disassembly, const std::vector<std::string> &forbidden);

} // namespace afnet
