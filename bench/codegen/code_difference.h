// Two variants of one kernel beside each other.
#pragma once

#include <string>
#include <vector>

#include "bench/codegen/code_fields.h"

namespace afnet {

/// A line of two loops beside each other; an empty side has no counterpart.
struct LoopLine {
    std::string a, b;
    char mark = ' '; // `=` the same; `~` the same mnemonic; `<`, `>`: on one side only
};

struct CodeDifference {
    const KernelCode *a = nullptr, *b = nullptr;
    std::vector<const CodeField *> fields; // whose values differ
    std::vector<LoopLine> loops;           // the main loops, from their first instructions to their last

    size_t changed_lines() const;
};

/// Instructions of two loops, aligned on the longest common subsequence of their mnemonics.
std::vector<LoopLine> aligned_loops(const std::vector<std::string> &a, const std::vector<std::string> &b);

/// Both must outlive the result. Compile times are noise and never a difference, nor are speeds within 2 percent.
CodeDifference difference_of(const KernelCode &a, const KernelCode &b);

} // namespace afnet
