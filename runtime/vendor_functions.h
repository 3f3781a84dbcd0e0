// The functions and numbers of cuDNN and cuBLASLt that kernels of these libraries need, so that neither their headers
// nor the libraries are needed to build. Handles and descriptors are plain pointers here, enumerations int. A test holds
// them against the libraries' own headers where these are installed.
#pragma once

#include <cstddef>
#include <cstdint>

namespace afnet {

/// Of libcudnn, since version 8. Each returns 0, or a status for error_string().
struct CudnnFunctions {
    int (*create)(void **handle);
    int (*destroy)(void *handle);
    int (*set_stream)(void *handle, void *stream);
    const char *(*error_string)(int status);
    int (*create_tensor)(void **tensor);
    int (*destroy_tensor)(void *tensor);
    int (*set_tensor)(void *tensor, int format, int type, int n, int c, int h, int w);
    int (*create_filter)(void **filter);
    int (*destroy_filter)(void *filter);
    int (*set_filter)(void *filter, int type, int format, int k, int c, int h, int w);
    int (*create_convolution)(void **convolution);
    int (*destroy_convolution)(void *convolution);
    int (*set_convolution)(void *convolution, int pad_h, int pad_w, int stride_h, int stride_w, int dilation_h,
                           int dilation_w, int mode, int type);
    int (*set_groups)(void *convolution, int groups);
    int (*set_math)(void *convolution, int math);
    int (*create_activation)(void **activation);
    int (*destroy_activation)(void *activation);
    int (*set_activation)(void *activation, int mode, int nan, double coefficient);
    int (*workspace_bytes)(void *handle, void *x, void *w, void *convolution, void *y, int algorithm, size_t *bytes);
    int (*convolve)(void *handle, const void *alpha1, void *x, const void *x_data, void *w, const void *w_data,
                    void *convolution, int algorithm, void *workspace, size_t workspace_bytes, const void *alpha2,
                    void *z, const void *z_data, void *bias, const void *bias_data, void *activation, void *y,
                    void *y_data);
};

constexpr int kCudnnFloat = 0, kCudnnNhwc = 1, kCudnnCrossCorrelation = 1, kCudnnIgnoreNan = 0;
constexpr int kCudnnRelu = 1, kCudnnIdentity = 5;          // activations
constexpr int kCudnnImplicitPrecompGemm = 1;               // the algorithm that serves NHWC and every activation
constexpr int kCudnnDefaultMath = 0, kCudnnConvertedMath = 2, kCudnnFmaMath = 3; // tf32, f16, f32

/// Of libcublasLt, since version 11.
struct CublasLtFunctions {
    int (*create)(void **handle);
    int (*destroy)(void *handle);
    const char *(*status_string)(int status);
    int (*create_product)(void **product, int compute, int scale_type);
    int (*destroy_product)(void *product);
    int (*set_product)(void *product, int attribute, const void *value, size_t bytes);
    int (*create_layout)(void **layout, int type, uint64_t rows, uint64_t columns, int64_t leading);
    int (*destroy_layout)(void *layout);
    int (*set_layout)(void *layout, int attribute, const void *value, size_t bytes);
    int (*create_preference)(void **preference);
    int (*destroy_preference)(void *preference);
    int (*set_preference)(void *preference, int attribute, const void *value, size_t bytes);
    int (*find_algorithm)(void *handle, void *product, void *a, void *b, void *c, void *d, void *preference,
                          int requested, void *results, int *found);
    int (*multiply)(void *handle, void *product, const void *alpha, const void *a_data, void *a, const void *b_data,
                    void *b, const void *beta, const void *c_data, void *c, void *d_data, void *d,
                    const void *algorithm, void *workspace, size_t workspace_bytes, void *stream);
};

/// An answer of find_algorithm().
struct CublasLtAlgorithm {
    uint64_t algorithm[8];
    size_t workspace_bytes;
    int state; // 0: the rest is valid
    float waves;
    int reserved[4];
};

constexpr int kCublasFloat = 0, kCublasTransposed = 1, kCublasNotSupported = 15;
constexpr int kCublasF32 = 68, kCublasTf32 = 77, kCublasBf16 = 75, kCublasF16 = 74;               // compute
constexpr int kCublasTransposeA = 3, kCublasEpilogue = 7, kCublasBias = 8, kCublasBiasStride = 10; // of a product
constexpr int kCublasBatch = 5, kCublasBatchStride = 6;                                            // of a layout
constexpr int kCublasMostWorkspace = 1, kCublasAlignment = 5; // of a preference; A's, then B's, C's and D's
constexpr int kCublasReluAndBias = 6, kCublasBiasAlone = 4;   // epilogues

/// Opened on first use. Throw Error which says what is missing, on every call until they succeed.
const CudnnFunctions &cudnn_functions();
const CublasLtFunctions &cublaslt_functions();

} // namespace afnet
