// One convolution by a kernel of cuDNN or cuBLASLt.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "runtime/vendor_choice.h"

namespace afnet {

/// What is computed, as conv2d_generator.cpp says: out = act(bias + w * in + residual). All tensors are f32 and dense:
/// input [ci, width, height, frames], weights [ci / groups, k, k, co], bias [co], output and residual
/// [co, strided width, strided height, frames]; outside the input are zeroes.
struct VendorLayer {
    int ci = 0, co = 0, kernel = 1, stride = 1, groups = 1;
    bool relu = false, adds = false; // adds the residual
    int width = 0, height = 0, frames = 0;
    VendorRounding rounding = VendorRounding::F32;
};

/// Device memory, beginning at multiples of kVendorAlignment. The residual may be the output.
struct VendorOperands {
    const void *input = nullptr, *weights = nullptr, *bias = nullptr, *residual = nullptr;
    void *output = nullptr;
};

constexpr size_t kVendorAlignment = 128; // bytes: what DeviceTensors gives on CUDA

class VendorConvolution {
public:
    virtual ~VendorConvolution() = default;

    /// Of memory on the device that run() writes to.
    virtual size_t workspace_bytes() const = 0;
    /// Hands the kernel to a stream; does not wait, and allocates nothing. Throws Error with the library's words.
    virtual void run(const VendorOperands &operands, void *workspace, void *stream) = 0;
};

/// A vendor's library, in the CUDA context in use (runtime/cuda_driver.h). Convolutions must not outlive it. For one
/// thread at a time.
class VendorLibrary {
public:
    virtual ~VendorLibrary() = default;

    /// Null where the library has no kernel for such a layer. Throws Error with its words where it fails.
    virtual std::unique_ptr<VendorConvolution> convolution(const VendorLayer &layer) = 0;
};

/// Why a vendor's library cannot be opened; empty: it can.
std::string vendor_obstacle(Vendor vendor);

/// Throw Error which says what is missing.
std::unique_ptr<VendorLibrary> open_cudnn_library();
std::unique_ptr<VendorLibrary> open_cublaslt_library();

} // namespace afnet
