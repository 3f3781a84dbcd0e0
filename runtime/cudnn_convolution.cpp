// Convolutions by cuDNN, by its implicit product of matrices: of those of its algorithms that read channels innermost,
// the one that takes every activation.
#include "runtime/error.h"
#include "runtime/vendor_convolution.h"
#include "runtime/vendor_functions.h"

namespace afnet {

namespace {

constexpr float kOne = 1, kZero = 0;

void require(const CudnnFunctions &f, int status, const char *what) {
    if (status == 0) return;
    const char *words = f.error_string(status);
    throw Error(std::string("cuDNN: ") + what + " failed: " + (words ? words : std::to_string(status)) +
                "; take --vendor-kernels never");
}

// One of cuDNN's objects that describe.
class Descriptor {
public:
    Descriptor(const CudnnFunctions &f, int (*create)(void **), int (*destroy)(void *)) : destroy_(destroy) {
        require(f, create(&object_), "a descriptor");
    }
    ~Descriptor() { destroy_(object_); }
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    operator void *() const { return object_; }

private:
    void *object_ = nullptr;
    int (*destroy_)(void *);
};

// What is not supported has one number in version 8, and a thousand since.
bool refuses(int status) {
    return status == 9 || status / 1000 == 3;
}

// It has no bfloat16 products of f32 tensors: tf32 loses less than what is allowed.
int math(VendorRounding rounding) {
    switch (rounding) {
    case VendorRounding::F32:
        return kCudnnFmaMath;
    case VendorRounding::Tf32:
    case VendorRounding::Bf16:
        return kCudnnDefaultMath;
    case VendorRounding::F16:
        return kCudnnConvertedMath;
    }
    return kCudnnFmaMath;
}

class CudnnConvolution : public VendorConvolution {
public:
    CudnnConvolution(const CudnnFunctions &f, void *handle, const VendorLayer &layer)
        : f_(f), handle_(handle), adds_(layer.adds), input_(f, f.create_tensor, f.destroy_tensor),
          output_(f, f.create_tensor, f.destroy_tensor), bias_(f, f.create_tensor, f.destroy_tensor),
          weights_(f, f.create_filter, f.destroy_filter),
          convolution_(f, f.create_convolution, f.destroy_convolution),
          activation_(f, f.create_activation, f.destroy_activation) {
        const int pad = (layer.kernel - 1) / 2, k = layer.kernel, s = layer.stride;
        const auto tensor = [&](void *descriptor, int frames, int channels, int height, int width) {
            require(f, f.set_tensor(descriptor, kCudnnNhwc, kCudnnFloat, frames, channels, height, width), "a tensor");
        };
        tensor(input_, layer.frames, layer.ci, layer.height, layer.width);
        tensor(output_, layer.frames, layer.co, (layer.height - 1) / s + 1, (layer.width - 1) / s + 1);
        tensor(bias_, 1, layer.co, 1, 1);
        require(f, f.set_filter(weights_, kCudnnFloat, kCudnnNhwc, layer.co, layer.ci / layer.groups, k, k), "a filter");
        require(f, f.set_convolution(convolution_, pad, pad, s, s, 1, 1, kCudnnCrossCorrelation, kCudnnFloat),
                "a convolution");
        require(f, f.set_groups(convolution_, layer.groups), "a number of groups");
        require(f, f.set_math(convolution_, math(layer.rounding)), "a type of products");
        require(f, f.set_activation(activation_, layer.relu ? kCudnnRelu : kCudnnIdentity, kCudnnIgnoreNan, 0),
                "an activation");
    }

    // Whether cuDNN has a kernel for it.
    bool served() {
        const int status = f_.workspace_bytes(handle_, input_, weights_, convolution_, output_,
                                              kCudnnImplicitPrecompGemm, &workspace_bytes_);
        if (refuses(status)) return false;
        require(f_, status, "a convolution's memory");
        return true;
    }

    size_t workspace_bytes() const override { return workspace_bytes_; }

    void run(const VendorOperands &o, void *workspace, void *stream) override {
        require(f_, f_.set_stream(handle_, stream), "a stream");
        require(f_,
                f_.convolve(handle_, &kOne, input_, o.input, weights_, o.weights, convolution_,
                            kCudnnImplicitPrecompGemm, workspace, workspace_bytes_, adds_ ? &kOne : &kZero, output_,
                            adds_ ? o.residual : o.output, bias_, o.bias, activation_, output_, o.output),
                "a convolution");
    }

private:
    const CudnnFunctions &f_;
    void *handle_;
    bool adds_;
    Descriptor input_, output_, bias_, weights_, convolution_, activation_;
    size_t workspace_bytes_ = 0;
};

class CudnnLibrary : public VendorLibrary {
public:
    CudnnLibrary() : f_(cudnn_functions()) { require(f_, f_.create(&handle_), "cudnnCreate"); }
    ~CudnnLibrary() override { f_.destroy(handle_); }

    std::unique_ptr<VendorConvolution> convolution(const VendorLayer &layer) override {
        auto convolution = std::make_unique<CudnnConvolution>(f_, handle_, layer);
        if (!convolution->served()) return nullptr;
        return convolution;
    }

private:
    const CudnnFunctions &f_;
    void *handle_ = nullptr;
};

} // namespace

std::unique_ptr<VendorLibrary> open_cudnn_library() {
    return std::make_unique<CudnnLibrary>();
}

} // namespace afnet
