// Kernels of a GPU vendor's libraries, cuDNN and cuBLASLt, as another schedule of a convolution: which layers they can
// serve, and who has them do so. Nothing needs them: each layer has its own kernel in the kernel library as well.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/kernel_library.h"
#include "runtime/vendor_policy.h"

namespace afnet {

/// Whose kernel runs a layer: the value of knob `vendor` in its record and manifest.
enum class Vendor { None = 1, Cudnn = 2, CublasLt = 3 };

/// Names of the knobs that a record chooses with; no generator knows them.
constexpr const char *kVendorKnob = "vendor";          // a Vendor
constexpr const char *kVendorRoundingKnob = "rounding"; // a VendorRounding

/// What a vendor's kernel shall do for one step.
struct VendorChoice {
    Vendor vendor = Vendor::None;
    VendorRounding rounding = VendorRounding::F32;
};

/// As messages call it: `cuDNN`, `cuBLASLt`.
std::string vendor_name(Vendor vendor);

/// The vendors that have kernels for a spec: plain convolutions of f32, frame for frame, with an activation that these
/// libraries know. cuBLASLt multiplies matrices, so it has those of 1x1 and stride 1 alone. The one to take first.
std::vector<Vendor> vendors_for(const KernelSpec &spec);

/// Takes the knobs that choose a vendor's kernel out of a record's. Throws Error, which begins with the kernel's name,
/// where they choose what no vendor has for a kernel of `spec` on `target`.
std::map<std::string, int> take_vendor_knobs(std::map<std::string, int> &knobs, const KernelSpec &spec,
                                             const Target &target);

/// What the policy chooses for a kernel; none: the kernel library's own. Throws Error where a record chooses what no
/// vendor has.
std::optional<VendorChoice> vendor_choice(const VendorPolicy &policy, const KernelEntry &entry);

} // namespace afnet
