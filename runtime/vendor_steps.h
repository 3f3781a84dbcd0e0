// The steps of a plan that kernels of cuDNN and cuBLASLt run in place of the kernel library's.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "runtime/device.h"
#include "runtime/plan.h"
#include "runtime/vendor_convolution.h"

namespace afnet {

class VendorSteps {
public:
    /// Chooses among the steps of `plan`, whose kernels are `kernels`, as the policy says: those that no list governs,
    /// on dense tensors, and that the library takes. Tensors that such steps alone read with a border lose it in the
    /// plan: these libraries know of the zeroes outside. A kernel whose record names a library that is not there stays
    /// the kernel library's. After open_cuda(). Throws Error where a record is wrong, or the policy wants a library
    /// that cannot be opened.
    VendorSteps(Plan &plan, const std::vector<const Kernel *> &kernels, const VendorPolicy &policy,
                const Device &device);
    ~VendorSteps();

    /// How many there are.
    size_t count() const { return steps_.size(); }
    /// The step's kernel, whose entry names the vendor: constants are packed for it. Null: it is the kernel library's.
    const Kernel *kernel(size_t step) const;
    /// Hands the step's kernel to a stream. Throws Error, which begins with the library's name.
    void run(size_t step, const VendorOperands &operands, void *stream);

private:
    struct Chosen {
        KernelEntry entry;
        Kernel kernel;
        std::unique_ptr<VendorConvolution> convolution;
    };
    VendorLibrary *library(Vendor vendor, bool needed);
    void choose(size_t index, const Plan &plan, const Kernel &kernel, const VendorPolicy &policy);
    void drop_borders(Plan &plan);
    void leave_bordered(const Plan &plan);

    std::map<Vendor, std::unique_ptr<VendorLibrary>> libraries_; // null: cannot be opened
    std::map<size_t, std::unique_ptr<Chosen>> steps_;            // by index
    std::unique_ptr<DeviceBlock> workspace_;                     // shared: steps run one behind the other
};

} // namespace afnet
