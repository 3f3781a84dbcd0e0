#include "bench/codegen/code_difference.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace afnet {

namespace {

constexpr size_t kMostPairs = size_t(1) << 26; // of the table that aligns two loops
constexpr double kSpeedNoise = 0.02;

std::string mnemonic(const std::string &instruction) {
    return instruction.substr(0, instruction.find(' '));
}

bool differs(const CodeField &field, const KernelCode &a, const KernelCode &b) {
    const auto x = field.value(a), y = field.value(b);
    if (field.key == "compile_ms" || (!x && !y)) return false;
    if (!x || !y) return true;
    const bool speed = field.key == "ms" || field.key == "gmac_per_s" || field.key == "percent_of_peak";
    return speed ? std::abs(*x - *y) > kSpeedNoise * std::max(std::abs(*x), std::abs(*y)) : *x != *y;
}

LoopLine line_of(const std::string &a, const std::string &b) {
    return {a, b, a == b ? '=' : '~'};
}

} // namespace

size_t CodeDifference::changed_lines() const {
    return size_t(std::count_if(loops.begin(), loops.end(), [](const LoopLine &line) { return line.mark != '='; }));
}

std::vector<LoopLine> aligned_loops(const std::vector<std::string> &a, const std::vector<std::string> &b) {
    // Longest common subsequences of what is left of both from (i, j) on; too long loops are not aligned.
    const size_t columns = b.size() + 1;
    const bool aligns = (a.size() + 1) * columns <= kMostPairs;
    std::vector<uint32_t> longest(aligns ? (a.size() + 1) * columns : 0, 0);
    const auto same = [&](size_t i, size_t j) { return mnemonic(a[i]) == mnemonic(b[j]); };
    for (size_t i = aligns ? a.size() : 0; i-- > 0;) {
        for (size_t j = b.size(); j-- > 0;) {
            longest[i * columns + j] = same(i, j)
                                           ? longest[(i + 1) * columns + j + 1] + 1
                                           : std::max(longest[(i + 1) * columns + j], longest[i * columns + j + 1]);
        }
    }
    std::vector<LoopLine> lines;
    size_t i = 0, j = 0;
    while (i < a.size() && j < b.size()) {
        if (same(i, j)) {
            lines.push_back(line_of(a[i++], b[j++]));
        } else if (aligns && longest[(i + 1) * columns + j] >= longest[i * columns + j + 1]) {
            lines.push_back({a[i++], "", '<'});
        } else {
            lines.push_back({"", b[j++], '>'});
        }
    }
    while (i < a.size())
        lines.push_back({a[i++], "", '<'});
    while (j < b.size())
        lines.push_back({"", b[j++], '>'});
    return lines;
}

CodeDifference difference_of(const KernelCode &a, const KernelCode &b) {
    CodeDifference difference;
    difference.a = &a;
    difference.b = &b;
    for (const CodeField &field : code_fields()) {
        if (differs(field, a, b)) difference.fields.push_back(&field);
    }
    const auto text = [](const KernelCode &code) {
        const LoopFigures *loop = code.figures.main_loop();
        return loop ? loop->text : std::vector<std::string>();
    };
    difference.loops = aligned_loops(text(a), text(b));
    return difference;
}

} // namespace afnet
