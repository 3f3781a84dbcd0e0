#include "runtime/vendor_choice.h"

#include <algorithm>

#include "runtime/error.h"

namespace afnet {

namespace {

std::string param(const KernelSpec &spec, const char *name, const char *otherwise) {
    const auto found = spec.params.find(name);
    return found == spec.params.end() ? otherwise : found->second;
}

std::optional<int> knob(const KernelEntry &entry, const char *name) {
    const auto found = entry.knobs.find(name);
    if (found == entry.knobs.end()) return std::nullopt;
    return found->second;
}

std::optional<VendorChoice> recorded_choice(const KernelEntry &entry) {
    const int vendor = knob(entry, kVendorKnob).value_or(int(Vendor::None));
    const int rounding = knob(entry, kVendorRoundingKnob).value_or(int(VendorRounding::F32));
    if (vendor == int(Vendor::None)) return std::nullopt;
    const std::vector<Vendor> vendors = vendors_for(entry.spec);
    if (std::count(vendors.begin(), vendors.end(), Vendor(vendor)) == 0 || rounding < int(VendorRounding::F32) ||
        rounding > int(VendorRounding::F16)) {
        throw Error(entry.symbol + ": no vendor has a kernel for " + kVendorKnob + " " + std::to_string(vendor) + ", " +
                    kVendorRoundingKnob + " " + std::to_string(rounding) +
                    "; correct its record and compile again (docs/gpu.md)");
    }
    return VendorChoice{Vendor(vendor), VendorRounding(rounding)};
}

} // namespace

std::string vendor_name(Vendor vendor) {
    switch (vendor) {
    case Vendor::Cudnn:
        return "cuDNN";
    case Vendor::CublasLt:
        return "cuBLASLt";
    case Vendor::None:
        break;
    }
    return "none";
}

std::vector<Vendor> vendors_for(const KernelSpec &spec) {
    const bool plain = spec.generator == "conv2d" && param(spec, "gather", "false") == "false" &&
                       param(spec, "scatter", "false") == "false" && param(spec, "response", "0") == "0" &&
                       param(spec, "f32_input", "false") == "false" && dtype_of(spec) == Dtype::F32;
    const std::string activation = param(spec, "activation", "relu");
    if (!plain || (activation != "relu" && activation != "linear")) return {};
    if (param(spec, "kernel", "3") == "1" && param(spec, "stride", "1") == "1") {
        return {Vendor::CublasLt, Vendor::Cudnn};
    }
    return {Vendor::Cudnn};
}

std::map<std::string, int> take_vendor_knobs(std::map<std::string, int> &knobs, const KernelSpec &spec,
                                             const Target &target) {
    KernelEntry entry{spec, spec.name(), {}};
    for (const char *name : {kVendorKnob, kVendorRoundingKnob}) {
        if (auto knob = knobs.extract(name)) entry.knobs.insert(std::move(knob));
    }
    if (recorded_choice(entry) && target.gpu != GpuInterface::Cuda) {
        throw Error(entry.symbol + ": a vendor's kernel for target " + target.name +
                    "; there are none but for CUDA: correct its record");
    }
    return entry.knobs;
}

std::optional<VendorChoice> vendor_choice(const VendorPolicy &policy, const KernelEntry &entry) {
    switch (policy.use) {
    case VendorPolicy::Use::Never:
        return std::nullopt;
    case VendorPolicy::Use::Recorded:
        return recorded_choice(entry);
    case VendorPolicy::Use::Everywhere:
        break;
    }
    const std::vector<Vendor> vendors = vendors_for(entry.spec);
    if (vendors.empty()) return std::nullopt;
    return VendorChoice{vendors.front(), policy.rounding};
}

} // namespace afnet
