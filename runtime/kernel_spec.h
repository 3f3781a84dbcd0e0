// The contract between model, compiler, records and benchmarks: which generator, with which parameters.
#pragma once

#include <map>
#include <string>

namespace afnet {

/// One kernel: a generator and its complete GeneratorParams (knobs excluded: those come from records). A plain value;
/// the map sizes (columns, rows, frames) are no part of it.
struct KernelSpec {
    std::string generator;
    std::map<std::string, std::string> params;

    KernelSpec() = default;
    explicit KernelSpec(std::string generator_name) : generator(std::move(generator_name)) {}

    KernelSpec &set(const std::string &param, int value);
    KernelSpec &set(const std::string &param, bool value);
    KernelSpec &set(const std::string &param, const std::string &value);
    KernelSpec &set(const std::string &param, const char *value) { return set(param, std::string(value)); }

    /// The canonical name, e.g. `conv2d_k3s1g2_64x64_relu`: the symbol, the record's key, the benchmark's row and the
    /// trace's label. Derived here only, and never parsed.
    std::string name() const;
};

inline bool operator==(const KernelSpec &a, const KernelSpec &b) {
    return a.generator == b.generator && a.params == b.params;
}

}  // namespace afnet
