// A stand-in for cuDNN beside that of the driver: its convolutions compute on the host, in double, with factors rounded
// as the math type says, and refuse what a caller must not ask for. Built as a libcudnn.so.9 of its own.
#include <algorithm>
#include <cstdio>
#include <vector>

#include "tests/fake_cuda/fake_product.h"

namespace {

using afnet_test::on_device;
using afnet_test::rounded_factor;

constexpr int kBadParameter = 2000, kNotSupported = 3000;
constexpr size_t kWorkspace = 4096;

// Any of cuDNN's descriptors.
struct Tensor {
    int n = 0, c = 0, h = 0, w = 0; // a filter's: k, c, h, w
    size_t size() const { return size_t(n) * size_t(c) * size_t(h) * size_t(w); }
};
struct Convolution {
    int pad_h = 0, pad_w = 0, stride_h = 1, stride_w = 1, groups = 1, math = 0;
};
struct Activation {
    int mode = 0;
};
struct Handle {
    void *stream = nullptr;
};

template <class Object> int create(void **object) {
    *object = new Object;
    return 0;
}
template <class Object> int destroy(void *object) {
    delete static_cast<Object *>(object);
    return 0;
}

int mantissa_bits(int math) {
    return math == 3 ? 23 : 10;
}

struct Call {
    Tensor x, w, y;
    Convolution convolution;
    const float *in, *weights, *bias, *z;
    float *out;
    bool relu, adds;

    double sum(int f, int row, int column, int k) const {
        const int per_group = w.n / convolution.groups, first = k / per_group * w.c;
        const int bits = mantissa_bits(convolution.math);
        double total = 0;
        for (int v = 0; v < w.h; v++) {
            for (int u = 0; u < w.w; u++) {
                const int at_row = row * convolution.stride_h + v - convolution.pad_h;
                const int at_column = column * convolution.stride_w + u - convolution.pad_w;
                if (at_row < 0 || at_row >= x.h || at_column < 0 || at_column >= x.w) continue;
                const float *pixel = in + ((size_t(f) * size_t(x.h) + size_t(at_row)) * size_t(x.w) + size_t(at_column)) *
                                              size_t(x.c) + first;
                const float *filter = weights + ((size_t(k) * size_t(w.h) + size_t(v)) * size_t(w.w) + size_t(u)) *
                                                    size_t(w.c);
                for (int c = 0; c < w.c; c++)
                    total += rounded_factor(pixel[c], bits) * rounded_factor(filter[c], bits);
            }
        }
        return total;
    }

    void compute() const {
        size_t at = 0;
        for (int f = 0; f < y.n; f++) {
            for (int row = 0; row < y.h; row++) {
                for (int column = 0; column < y.w; column++) {
                    for (int k = 0; k < y.c; k++, at++) {
                        const double value = sum(f, row, column, k) + bias[k] + (adds ? double(z[at]) : 0);
                        out[at] = float(relu ? std::max(value, 0.0) : value);
                    }
                }
            }
        }
    }
};

bool fits(const Call &call) {
    const Convolution &c = call.convolution;
    return call.y.n == call.x.n && call.y.c == call.w.n && call.w.c * c.groups == call.x.c &&
           call.y.h == (call.x.h + 2 * c.pad_h - call.w.h) / c.stride_h + 1 &&
           call.y.w == (call.x.w + 2 * c.pad_w - call.w.w) / c.stride_w + 1;
}

} // namespace

extern "C" {

int cudnnCreate(void **handle) {
    if (const int status = fake_cuda_status("cudnnCreate")) return status;
    return create<Handle>(handle);
}
int cudnnDestroy(void *handle) {
    return destroy<Handle>(handle);
}
int cudnnSetStream(void *handle, void *stream) {
    static_cast<Handle *>(handle)->stream = stream;
    return 0;
}
const char *cudnnGetErrorString(int status) {
    return status == kNotSupported ? "CUDNN_STATUS_NOT_SUPPORTED" : "CUDNN_STATUS_FAKE_FAILURE";
}
int cudnnCreateTensorDescriptor(void **tensor) {
    return create<Tensor>(tensor);
}
int cudnnDestroyTensorDescriptor(void *tensor) {
    return destroy<Tensor>(tensor);
}
int cudnnSetTensor4dDescriptor(void *tensor, int format, int type, int n, int c, int h, int w) {
    if (format != 1 || type != 0 || std::min({n, c, h, w}) < 1) return kBadParameter;
    *static_cast<Tensor *>(tensor) = {n, c, h, w};
    return 0;
}
int cudnnCreateFilterDescriptor(void **filter) {
    return create<Tensor>(filter);
}
int cudnnDestroyFilterDescriptor(void *filter) {
    return destroy<Tensor>(filter);
}
int cudnnSetFilter4dDescriptor(void *filter, int type, int format, int k, int c, int h, int w) {
    return cudnnSetTensor4dDescriptor(filter, format, type, k, c, h, w);
}
int cudnnCreateConvolutionDescriptor(void **convolution) {
    return create<Convolution>(convolution);
}
int cudnnDestroyConvolutionDescriptor(void *convolution) {
    return destroy<Convolution>(convolution);
}
int cudnnSetConvolution2dDescriptor(void *convolution, int pad_h, int pad_w, int stride_h, int stride_w,
                                    int dilation_h, int dilation_w, int mode, int type) {
    if (dilation_h != 1 || dilation_w != 1 || mode != 1 || type != 0) return kBadParameter; // turned filters
    *static_cast<Convolution *>(convolution) = {pad_h, pad_w, stride_h, stride_w, 1, 0};
    return 0;
}
int cudnnSetConvolutionGroupCount(void *convolution, int groups) {
    static_cast<Convolution *>(convolution)->groups = groups;
    return 0;
}
int cudnnSetConvolutionMathType(void *convolution, int math) {
    if (math < 0 || math > 3) return kBadParameter;
    static_cast<Convolution *>(convolution)->math = math;
    return 0;
}
int cudnnCreateActivationDescriptor(void **activation) {
    return create<Activation>(activation);
}
int cudnnDestroyActivationDescriptor(void *activation) {
    return destroy<Activation>(activation);
}
int cudnnSetActivationDescriptor(void *activation, int mode, int, double) {
    static_cast<Activation *>(activation)->mode = mode;
    return 0;
}
int cudnnGetConvolutionForwardWorkspaceSize(void *, void *, void *, void *, void *, int algorithm, size_t *bytes) {
    if (const int status = fake_cuda_status("cudnnGetConvolutionForwardWorkspaceSize")) return status;
    if (algorithm != 1) return kNotSupported;
    *bytes = kWorkspace;
    return 0;
}
int cudnnConvolutionBiasActivationForward(void *handle, const void *alpha1, void *x, const void *x_data, void *w,
                                          const void *w_data, void *convolution, int algorithm, void *workspace,
                                          size_t workspace_bytes, const void *alpha2, void *z, const void *z_data,
                                          void *bias, const void *bias_data, void *activation, void *y, void *y_data) {
    if (const int status = fake_cuda_status("cudnnConvolutionBiasActivationForward")) return status;
    const int mode = static_cast<Activation *>(activation)->mode;
    Call call{*static_cast<Tensor *>(x), *static_cast<Tensor *>(w), *static_cast<Tensor *>(y),
              *static_cast<Convolution *>(convolution), static_cast<const float *>(x_data),
              static_cast<const float *>(w_data), static_cast<const float *>(bias_data),
              static_cast<const float *>(z_data), static_cast<float *>(y_data), mode == 1,
              *static_cast<const float *>(alpha2) == 1};
    if (algorithm != 1 || (mode != 1 && mode != 5)) return kNotSupported;
    if (*static_cast<const float *>(alpha1) != 1 || !fits(call) || z != y || static_cast<Tensor *>(bias)->c != call.y.c)
        return kBadParameter;
    if (workspace_bytes < kWorkspace || !on_device(workspace, kWorkspace / sizeof(float), 128) ||
        !on_device(x_data, call.x.size(), 128) || !on_device(w_data, call.w.size(), 128) ||
        !on_device(bias_data, size_t(call.y.c), 128) || !on_device(y_data, call.y.size(), 128) ||
        (call.adds && !on_device(z_data, call.y.size(), 128))) {
        return kBadParameter;
    }
    char text[96];
    std::snprintf(text, sizeof text, "cudnn %dx%d %dx%d", call.w.h, call.w.w, call.x.c, call.y.c);
    return fake_cuda_launch(
        text,
        [call, workspace] {
            std::memset(workspace, 0x5A, kWorkspace);
            call.compute();
        },
        static_cast<Handle *>(handle)->stream);
}

} // extern "C"
