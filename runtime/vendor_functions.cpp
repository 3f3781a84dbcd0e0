#include "runtime/vendor_functions.h"

#include <dlfcn.h>
#include <string>
#include <vector>

#include "runtime/error.h"
#include "runtime/vendor_convolution.h"

namespace afnet {

namespace {

// A library that stays open, and its functions by name.
class Library {
public:
    // The first of these versions that there is.
    Library(const char *title, const std::vector<const char *> &names) : title_(title) {
        std::string words;
        for (const char *name : names) {
            library_ = dlopen(name, RTLD_NOW | RTLD_LOCAL);
            if (library_) return;
            const char *said = dlerror();
            words += (words.empty() ? "" : "; ") + std::string(said ? said : name);
        }
        throw Error("no " + title_ + ": " + words + "; install it, or take --vendor-kernels never");
    }

    template <class Function> void find(Function &function, const char *name) const {
        function = reinterpret_cast<Function>(dlsym(library_, name));
        if (function) return;
        throw Error("no " + title_ + ": the library lacks " + name +
                    "; install another version, or take --vendor-kernels never");
    }

private:
    std::string title_;
    void *library_ = nullptr;
};

CudnnFunctions open_cudnn() {
    const Library library("cuDNN", {"libcudnn.so.9", "libcudnn.so.8"});
    CudnnFunctions f{};
    library.find(f.create, "cudnnCreate");
    library.find(f.destroy, "cudnnDestroy");
    library.find(f.set_stream, "cudnnSetStream");
    library.find(f.error_string, "cudnnGetErrorString");
    library.find(f.create_tensor, "cudnnCreateTensorDescriptor");
    library.find(f.destroy_tensor, "cudnnDestroyTensorDescriptor");
    library.find(f.set_tensor, "cudnnSetTensor4dDescriptor");
    library.find(f.create_filter, "cudnnCreateFilterDescriptor");
    library.find(f.destroy_filter, "cudnnDestroyFilterDescriptor");
    library.find(f.set_filter, "cudnnSetFilter4dDescriptor");
    library.find(f.create_convolution, "cudnnCreateConvolutionDescriptor");
    library.find(f.destroy_convolution, "cudnnDestroyConvolutionDescriptor");
    library.find(f.set_convolution, "cudnnSetConvolution2dDescriptor");
    library.find(f.set_groups, "cudnnSetConvolutionGroupCount");
    library.find(f.set_math, "cudnnSetConvolutionMathType");
    library.find(f.create_activation, "cudnnCreateActivationDescriptor");
    library.find(f.destroy_activation, "cudnnDestroyActivationDescriptor");
    library.find(f.set_activation, "cudnnSetActivationDescriptor");
    library.find(f.workspace_bytes, "cudnnGetConvolutionForwardWorkspaceSize");
    library.find(f.convolve, "cudnnConvolutionBiasActivationForward");
    return f;
}

CublasLtFunctions open_cublaslt() {
    const Library library("cuBLASLt", {"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so.11"});
    CublasLtFunctions f{};
    library.find(f.create, "cublasLtCreate");
    library.find(f.destroy, "cublasLtDestroy");
    library.find(f.status_string, "cublasLtGetStatusString");
    library.find(f.create_product, "cublasLtMatmulDescCreate");
    library.find(f.destroy_product, "cublasLtMatmulDescDestroy");
    library.find(f.set_product, "cublasLtMatmulDescSetAttribute");
    library.find(f.create_layout, "cublasLtMatrixLayoutCreate");
    library.find(f.destroy_layout, "cublasLtMatrixLayoutDestroy");
    library.find(f.set_layout, "cublasLtMatrixLayoutSetAttribute");
    library.find(f.create_preference, "cublasLtMatmulPreferenceCreate");
    library.find(f.destroy_preference, "cublasLtMatmulPreferenceDestroy");
    library.find(f.set_preference, "cublasLtMatmulPreferenceSetAttribute");
    library.find(f.find_algorithm, "cublasLtMatmulAlgoGetHeuristic");
    library.find(f.multiply, "cublasLtMatmul");
    return f;
}

} // namespace

std::string vendor_obstacle(Vendor vendor) {
    try {
        vendor == Vendor::Cudnn ? void(cudnn_functions()) : void(cublaslt_functions());
        return "";
    } catch (const Error &error) {
        return error.what();
    }
}

const CudnnFunctions &cudnn_functions() {
    static const CudnnFunctions functions = open_cudnn(); // tried again where it threw
    return functions;
}

const CublasLtFunctions &cublaslt_functions() {
    static const CublasLtFunctions functions = open_cublaslt();
    return functions;
}

} // namespace afnet
