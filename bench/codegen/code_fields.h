// The figures of a kernel's code as one list, which tables, differences and pages go through.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/codegen/kernel_code.h"

namespace afnet {

struct CodeField {
    std::string key;   // in JSON differences
    std::string title; // of a column
    std::string meaning;
    int decimals = 0;
    std::optional<double> (*value)(const KernelCode &code); // none: not known for this kernel
};

/// All of them, in the order of columns.
const std::vector<CodeField> &code_fields();

/// A field's value as text; empty where there is none.
std::string field_text(const CodeField &field, const KernelCode &code);

/// Milliseconds and 1e9 multiply-accumulates of all of a model's steps that run the kernel, added; the latter over the
/// former's share of the machine's peak, in percent.
struct SpeedSum {
    double ms = 0, gmac = 0, percent_of_peak = 0;
};
std::optional<SpeedSum> speed_sum(const KernelCode &code);

/// Fused multiply-adds by mnemonic, most frequent first: `vfmadd231ps 70, vfmadd213ps 2`.
std::string fma_mix(const CodeCounts &counts);

/// The busiest ports: `SKXPort0 14.0, SKXPort5 14.0, ...`.
std::string pressure_text(const LoopPrediction &prediction, size_t most);

} // namespace afnet
