#include "runtime/vendor_policy.h"

#include <algorithm>

#include "runtime/error.h"
#include "runtime/text.h"

namespace afnet {

namespace {

// The last ones in the order of VendorRounding.
const std::vector<std::string> kNames = {"never", "recorded", "f32", "tf32", "bf16", "f16"};
constexpr int kRoundings = 2; // index of the first of them

} // namespace

const std::vector<std::string> &vendor_policy_names() {
    return kNames;
}

std::string rounding_name(VendorRounding rounding) {
    return kNames[size_t(kRoundings + int(rounding) - 1)];
}

std::string vendor_policy_name(const VendorPolicy &policy) {
    if (policy.use == VendorPolicy::Use::Everywhere) return rounding_name(policy.rounding);
    return kNames[policy.use == VendorPolicy::Use::Never ? 0 : 1];
}

VendorPolicy vendor_policy_named(const std::string &name) {
    const auto found = std::find(kNames.begin(), kNames.end(), name);
    if (found == kNames.end()) throw UsageError("unknown --vendor-kernels '" + name + "'; known are " + join(kNames));
    const int index = int(found - kNames.begin());
    VendorPolicy policy;
    if (index < kRoundings) {
        policy.use = index == 0 ? VendorPolicy::Use::Never : VendorPolicy::Use::Recorded;
    } else {
        policy.use = VendorPolicy::Use::Everywhere;
        policy.rounding = VendorRounding(index - kRoundings + 1);
    }
    return policy;
}

} // namespace afnet
