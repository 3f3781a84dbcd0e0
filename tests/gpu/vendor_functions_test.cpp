// The functions and numbers that runtime/vendor_functions.h gives cuDNN and cuBLASLt, against these libraries' own
// headers; compiled where they are installed.
#include <catch2/catch.hpp>

#include "runtime/vendor_functions.h"

#if AFNET_VENDOR_HEADERS
#include <cublasLt.h>
#include <cudnn.h>
#include <type_traits>

using namespace afnet;

namespace {

// Both are passed alike: pointers for pointers, whole numbers of one size for each other or for enumerations.
template <class Ours, class Theirs> constexpr bool alike() {
    if (std::is_pointer_v<Ours> || std::is_pointer_v<Theirs>)
        return std::is_pointer_v<Ours> && std::is_pointer_v<Theirs>;
    return std::is_floating_point_v<Ours> == std::is_floating_point_v<Theirs> && sizeof(Ours) == sizeof(Theirs);
}

template <class Result, class... Ours, class TheirResult, class... Theirs>
constexpr bool same_call(Result (*)(Ours...), TheirResult (*)(Theirs...)) {
    if constexpr (sizeof...(Ours) != sizeof...(Theirs)) {
        return false;
    } else {
        return alike<Result, TheirResult>() && (alike<Ours, Theirs>() && ...);
    }
}

#define SAME_CALL(functions, ours, theirs) \
    static_assert(same_call(decltype(functions::ours)(nullptr), decltype (&theirs)(nullptr)), #theirs)

SAME_CALL(CudnnFunctions, create, cudnnCreate);
SAME_CALL(CudnnFunctions, destroy, cudnnDestroy);
SAME_CALL(CudnnFunctions, set_stream, cudnnSetStream);
SAME_CALL(CudnnFunctions, error_string, cudnnGetErrorString);
SAME_CALL(CudnnFunctions, create_tensor, cudnnCreateTensorDescriptor);
SAME_CALL(CudnnFunctions, destroy_tensor, cudnnDestroyTensorDescriptor);
SAME_CALL(CudnnFunctions, set_tensor, cudnnSetTensor4dDescriptor);
SAME_CALL(CudnnFunctions, create_filter, cudnnCreateFilterDescriptor);
SAME_CALL(CudnnFunctions, destroy_filter, cudnnDestroyFilterDescriptor);
SAME_CALL(CudnnFunctions, set_filter, cudnnSetFilter4dDescriptor);
SAME_CALL(CudnnFunctions, create_convolution, cudnnCreateConvolutionDescriptor);
SAME_CALL(CudnnFunctions, destroy_convolution, cudnnDestroyConvolutionDescriptor);
SAME_CALL(CudnnFunctions, set_convolution, cudnnSetConvolution2dDescriptor);
SAME_CALL(CudnnFunctions, set_groups, cudnnSetConvolutionGroupCount);
SAME_CALL(CudnnFunctions, set_math, cudnnSetConvolutionMathType);
SAME_CALL(CudnnFunctions, create_activation, cudnnCreateActivationDescriptor);
SAME_CALL(CudnnFunctions, destroy_activation, cudnnDestroyActivationDescriptor);
SAME_CALL(CudnnFunctions, set_activation, cudnnSetActivationDescriptor);
SAME_CALL(CudnnFunctions, workspace_bytes, cudnnGetConvolutionForwardWorkspaceSize);
SAME_CALL(CudnnFunctions, convolve, cudnnConvolutionBiasActivationForward);

SAME_CALL(CublasLtFunctions, create, cublasLtCreate);
SAME_CALL(CublasLtFunctions, destroy, cublasLtDestroy);
SAME_CALL(CublasLtFunctions, status_string, cublasLtGetStatusString);
SAME_CALL(CublasLtFunctions, create_product, cublasLtMatmulDescCreate);
SAME_CALL(CublasLtFunctions, destroy_product, cublasLtMatmulDescDestroy);
SAME_CALL(CublasLtFunctions, set_product, cublasLtMatmulDescSetAttribute);
SAME_CALL(CublasLtFunctions, create_layout, cublasLtMatrixLayoutCreate);
SAME_CALL(CublasLtFunctions, destroy_layout, cublasLtMatrixLayoutDestroy);
SAME_CALL(CublasLtFunctions, set_layout, cublasLtMatrixLayoutSetAttribute);
SAME_CALL(CublasLtFunctions, create_preference, cublasLtMatmulPreferenceCreate);
SAME_CALL(CublasLtFunctions, destroy_preference, cublasLtMatmulPreferenceDestroy);
SAME_CALL(CublasLtFunctions, set_preference, cublasLtMatmulPreferenceSetAttribute);
SAME_CALL(CublasLtFunctions, find_algorithm, cublasLtMatmulAlgoGetHeuristic);
SAME_CALL(CublasLtFunctions, multiply, cublasLtMatmul);

static_assert(sizeof(CublasLtAlgorithm) == sizeof(cublasLtMatmulHeuristicResult_t));
static_assert(offsetof(CublasLtAlgorithm, workspace_bytes) == offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize));
static_assert(offsetof(CublasLtAlgorithm, state) == offsetof(cublasLtMatmulHeuristicResult_t, state));

} // namespace

TEST_CASE("numbers of cuDNN and cuBLASLt are those of their headers", "[vendor_kernels]") {
    CHECK(kCudnnFloat == CUDNN_DATA_FLOAT);
    CHECK(kCudnnNhwc == CUDNN_TENSOR_NHWC);
    CHECK(kCudnnCrossCorrelation == CUDNN_CROSS_CORRELATION);
    CHECK(kCudnnIgnoreNan == 0); // CUDNN_NOT_PROPAGATE_NAN, which is deprecated
    CHECK(kCudnnRelu == CUDNN_ACTIVATION_RELU);
    CHECK(kCudnnIdentity == CUDNN_ACTIVATION_IDENTITY);
    CHECK(kCudnnImplicitPrecompGemm == CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM);
    CHECK(kCudnnDefaultMath == CUDNN_DEFAULT_MATH);
    CHECK(kCudnnConvertedMath == CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION);
    CHECK(kCudnnFmaMath == CUDNN_FMA_MATH);
    CHECK(kCublasFloat == CUDA_R_32F);
    CHECK(kCublasTransposed == CUBLAS_OP_T);
    CHECK(kCublasNotSupported == CUBLAS_STATUS_NOT_SUPPORTED);
    CHECK(kCublasF32 == CUBLAS_COMPUTE_32F);
    CHECK(kCublasTf32 == CUBLAS_COMPUTE_32F_FAST_TF32);
    CHECK(kCublasBf16 == CUBLAS_COMPUTE_32F_FAST_16BF);
    CHECK(kCublasF16 == CUBLAS_COMPUTE_32F_FAST_16F);
    CHECK(kCublasTransposeA == CUBLASLT_MATMUL_DESC_TRANSA);
    CHECK(kCublasEpilogue == CUBLASLT_MATMUL_DESC_EPILOGUE);
    CHECK(kCublasBias == CUBLASLT_MATMUL_DESC_BIAS_POINTER);
    CHECK(kCublasBiasStride == CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE);
    CHECK(kCublasBatch == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT);
    CHECK(kCublasBatchStride == CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET);
    CHECK(kCublasMostWorkspace == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES);
    CHECK(kCublasAlignment == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES);
    CHECK(kCublasAlignment + 3 == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES);
    CHECK(kCublasReluAndBias == CUBLASLT_EPILOGUE_RELU_BIAS);
    CHECK(kCublasBiasAlone == CUBLASLT_EPILOGUE_BIAS);
}
#else
TEST_CASE("numbers of cuDNN and cuBLASLt are those of their headers", "[vendor_kernels]") {
    WARN("no headers of cuDNN and cuBLASLt: not compared");
}
#endif
