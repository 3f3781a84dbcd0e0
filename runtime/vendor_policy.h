// How a run uses kernels of a GPU vendor's libraries: the option --vendor-kernels.
#pragma once

#include <string>
#include <vector>

namespace afnet {

/// What products may lose: each value allows what those before it do. Tensors and sums are f32 in any case.
enum class VendorRounding {
    F32 = 1,  // nothing
    Tf32 = 2, // factors are rounded to 10 bits of mantissa, for tensor cores
    Bf16 = 3, // to 7 bits
    F16 = 4,  // to 10 bits and a small range: large activations overflow
};

struct VendorPolicy {
    enum class Use {
        Never,
        Recorded,   // where a kernel's record says so and its library is installed
        Everywhere, // for every layer that a vendor has a kernel for; a missing library is an error
    };
    Use use = Use::Recorded;
    VendorRounding rounding = VendorRounding::F32; // of Everywhere
};

/// `never`, `recorded`, `f32`, `tf32`, `bf16`, `f16`: the last four are Everywhere.
const std::vector<std::string> &vendor_policy_names();
std::string vendor_policy_name(const VendorPolicy &policy);
/// Throws UsageError for an unknown name; the message lists the known ones.
VendorPolicy vendor_policy_named(const std::string &name);

/// `f32`, `tf32`, `bf16` or `f16`.
std::string rounding_name(VendorRounding rounding);

} // namespace afnet
