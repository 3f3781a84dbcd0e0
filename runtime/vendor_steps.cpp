#include "runtime/vendor_steps.h"

#include <algorithm>
#include <set>

#include "runtime/cuda_driver.h"
#include "runtime/error.h"

namespace afnet {

namespace {

int number(const KernelSpec &spec, const char *param) {
    return std::stoi(spec.params.at(param));
}

const Argument &argument(const Step &step, const std::string &name) {
    const auto found = std::find_if(step.arguments.begin(), step.arguments.end(),
                                    [&](const Argument &given) { return given.name == name; });
    if (found == step.arguments.end()) throw Error("step " + step.label + ": no tensor is bound to " + name);
    return *found;
}

VendorLayer layer_of(const Plan &plan, const Step &step, VendorRounding rounding) {
    const KernelSpec &spec = step.kernel;
    const std::vector<int> &input = plan.tensors[size_t(argument(step, "input").tensor)].extents;
    VendorLayer layer;
    layer.ci = number(spec, "ci");
    layer.co = number(spec, "co");
    layer.kernel = number(spec, "kernel");
    layer.stride = number(spec, "stride");
    layer.groups = number(spec, "groups");
    layer.relu = spec.params.at("activation") == "relu";
    layer.adds = spec.params.at("add_residual") == "true";
    layer.width = input[1];
    layer.height = input[2];
    layer.frames = input[3];
    layer.rounding = rounding;
    return layer;
}

} // namespace

VendorSteps::VendorSteps(Plan &plan, const std::vector<const Kernel *> &kernels, const VendorPolicy &policy,
                         const Device &device) {
    const CurrentCudaContext current;
    for (size_t i = 0; i < plan.steps.size(); i++)
        choose(i, plan, *kernels[i], policy);
    drop_borders(plan);
    leave_bordered(plan);
    size_t bytes = 0;
    for (const auto &[index, chosen] : steps_)
        bytes = std::max(bytes, chosen->convolution->workspace_bytes());
    if (bytes > 0) workspace_ = std::make_unique<DeviceBlock>(device, bytes);
}

// In the context that they were made in, unless it is lost.
VendorSteps::~VendorSteps() {
    try {
        const CurrentCudaContext current;
        steps_.clear();
        libraries_.clear();
    } catch (const Error &) {
    }
}

// Null where it cannot be opened, unless it is needed.
VendorLibrary *VendorSteps::library(Vendor vendor, bool needed) {
    const auto known = libraries_.find(vendor);
    if (known != libraries_.end()) return known->second.get();
    std::unique_ptr<VendorLibrary> opened;
    try {
        opened = vendor == Vendor::Cudnn ? open_cudnn_library() : open_cublaslt_library();
    } catch (const Error &) {
        if (needed) throw;
    }
    return (libraries_[vendor] = std::move(opened)).get();
}

void VendorSteps::choose(size_t index, const Plan &plan, const Kernel &kernel, const VendorPolicy &policy) {
    const Step &step = plan.steps[index];
    const std::optional<VendorChoice> choice = vendor_choice(policy, *kernel.entry);
    if (!choice || step.count != kNoTensor) return;
    VendorLibrary *from = library(choice->vendor, policy.use == VendorPolicy::Use::Everywhere);
    if (!from) return;
    std::unique_ptr<VendorConvolution> convolution = from->convolution(layer_of(plan, step, choice->rounding));
    if (!convolution) return;
    auto chosen = std::make_unique<Chosen>();
    chosen->entry = *kernel.entry;
    chosen->entry.vendor = vendor_name(choice->vendor) + " " + rounding_name(choice->rounding);
    chosen->kernel = kernel;
    chosen->kernel.entry = &chosen->entry;
    chosen->convolution = std::move(convolution);
    steps_[index] = std::move(chosen);
}

void VendorSteps::drop_borders(Plan &plan) {
    std::set<TensorId> without, with;
    for (size_t i = 0; i < plan.steps.size(); i++) {
        for (const Argument &given : plan.steps[i].arguments) {
            if (!given.ignored && (given.border || given.surrounded)) (kernel(i) ? without : with).insert(given.tensor);
        }
    }
    for (TensorId id : with)
        without.erase(id);
    for (TensorId id : without)
        plan.tensors[size_t(id)].border = 0;
    for (Step &step : plan.steps) {
        for (Argument &given : step.arguments) {
            if (without.count(given.tensor)) given.border = false;
        }
    }
}

// What lies inside a border has gaps.
void VendorSteps::leave_bordered(const Plan &plan) {
    for (auto i = steps_.begin(); i != steps_.end();) {
        const Step &step = plan.steps[i->first];
        const bool gaps = std::any_of(step.arguments.begin(), step.arguments.end(), [&](const Argument &given) {
            return !given.ignored && plan.tensors[size_t(given.tensor)].border > 0;
        });
        i = gaps ? steps_.erase(i) : std::next(i);
    }
}

const Kernel *VendorSteps::kernel(size_t step) const {
    const auto found = steps_.find(step);
    return found == steps_.end() ? nullptr : &found->second->kernel;
}

void VendorSteps::run(size_t step, const VendorOperands &operands, void *stream) {
    const CurrentCudaContext current;
    steps_.at(step)->convolution->run(operands, workspace_ ? workspace_->cuda_address() : nullptr, stream);
}

} // namespace afnet
