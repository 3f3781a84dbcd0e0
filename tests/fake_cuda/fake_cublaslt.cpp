// A stand-in for cuBLASLt beside that of the driver: its products compute on the host, in double, with factors rounded
// as the type of computation says, and refuse what a caller must not ask for. Built as a libcublasLt.so.13 of its own.
#include <algorithm>
#include <cstdio>

#include "runtime/vendor_functions.h"
#include "tests/fake_cuda/fake_product.h"

namespace {

using afnet_test::on_device;
using afnet_test::rounded_factor;

constexpr int kInvalid = 7, kNotSupported = 15;
constexpr size_t kWorkspace = 2048;
constexpr uint64_t kOnly = 0xAF; // the one algorithm

struct Product {
    int compute = 0, transposed_a = 0, epilogue = 1;
    const float *bias = nullptr;
    int64_t bias_stride = 0;
};
struct Layout {
    uint64_t rows = 0, columns = 0;
    int64_t leading = 0, batch_stride = 0;
    int32_t batch = 1;
    size_t floats() const {
        return size_t(batch_stride) * size_t(batch - 1) + size_t(leading) * size_t(columns - 1) + size_t(rows);
    }
};
struct Preference {
    uint64_t most_workspace = 0;
    uint32_t alignments[4] = {256, 256, 256, 256};
};

template <class Value> int take(Value &value, const void *given, size_t bytes) {
    if (bytes != sizeof value) return kInvalid;
    std::memcpy(&value, given, bytes);
    return 0;
}

int mantissa_bits(int compute) {
    switch (compute) {
    case 68:
        return 23;
    case 75:
        return 7;
    default:
        return 10;
    }
}

struct Call {
    Product product;
    Layout a, b, d;
    const float *a_data, *b_data, *c_data;
    float *d_data;
    bool adds;

    void compute() const {
        const int bits = mantissa_bits(product.compute);
        for (int64_t g = 0; g < d.batch; g++) {
            for (uint64_t n = 0; n < d.columns; n++) {
                for (uint64_t m = 0; m < d.rows; m++) {
                    double value = product.bias[product.bias_stride * g + int64_t(m)];
                    const float *column = a_data + a.batch_stride * g + a.leading * int64_t(m);
                    const float *pixel = b_data + b.batch_stride * g + b.leading * int64_t(n);
                    for (uint64_t k = 0; k < a.rows; k++)
                        value += rounded_factor(column[k], bits) * rounded_factor(pixel[k], bits);
                    const int64_t at = d.batch_stride * g + d.leading * int64_t(n) + int64_t(m);
                    if (adds) value += c_data[at];
                    d_data[at] = float(product.epilogue == 6 ? std::max(value, 0.0) : value);
                }
            }
        }
    }
};

bool fits(const Call &call) {
    return call.product.transposed_a == 1 && call.a.rows == call.b.rows && call.a.columns == call.d.rows &&
           call.b.columns == call.d.columns && call.a.batch == call.b.batch && call.a.batch == call.d.batch &&
           (call.product.epilogue == 6 || call.product.epilogue == 4) && call.product.bias;
}

} // namespace

extern "C" {

int cublasLtCreate(void **handle) {
    if (const int status = fake_cuda_status("cublasLtCreate")) return status;
    *handle = new int;
    return 0;
}
int cublasLtDestroy(void *handle) {
    delete static_cast<int *>(handle);
    return 0;
}
const char *cublasLtGetStatusString(int) {
    return "CUBLAS_STATUS_FAKE_FAILURE";
}
int cublasLtMatmulDescCreate(void **product, int compute, int scale_type) {
    if (scale_type != 0) return kInvalid;
    *product = new Product{compute, 0, 1, nullptr, 0};
    return 0;
}
int cublasLtMatmulDescDestroy(void *product) {
    delete static_cast<Product *>(product);
    return 0;
}
int cublasLtMatmulDescSetAttribute(void *product, int attribute, const void *value, size_t bytes) {
    Product &p = *static_cast<Product *>(product);
    switch (attribute) {
    case 3:
        return take(p.transposed_a, value, bytes);
    case 7:
        return take(p.epilogue, value, bytes);
    case 8:
        return take(p.bias, value, bytes);
    case 10:
        return take(p.bias_stride, value, bytes);
    }
    return kInvalid;
}
int cublasLtMatrixLayoutCreate(void **layout, int type, uint64_t rows, uint64_t columns, int64_t leading) {
    if (type != 0 || rows == 0 || columns == 0 || leading < int64_t(rows)) return kInvalid;
    *layout = new Layout{rows, columns, leading, 0, 1};
    return 0;
}
int cublasLtMatrixLayoutDestroy(void *layout) {
    delete static_cast<Layout *>(layout);
    return 0;
}
int cublasLtMatrixLayoutSetAttribute(void *layout, int attribute, const void *value, size_t bytes) {
    Layout &l = *static_cast<Layout *>(layout);
    return attribute == 5   ? take(l.batch, value, bytes)
           : attribute == 6 ? take(l.batch_stride, value, bytes)
                            : kInvalid;
}
int cublasLtMatmulPreferenceCreate(void **preference) {
    *preference = new Preference;
    return 0;
}
int cublasLtMatmulPreferenceDestroy(void *preference) {
    delete static_cast<Preference *>(preference);
    return 0;
}
int cublasLtMatmulPreferenceSetAttribute(void *preference, int attribute, const void *value, size_t bytes) {
    Preference &p = *static_cast<Preference *>(preference);
    if (attribute == 1) return take(p.most_workspace, value, bytes);
    if (attribute >= 5 && attribute <= 8) return take(p.alignments[attribute - 5], value, bytes);
    return kInvalid;
}
int cublasLtMatmulAlgoGetHeuristic(void *, void *product, void *, void *, void *, void *, void *preference,
                                   int requested, void *results, int *found) {
    *found = 0;
    if (const int status = fake_cuda_status("cublasLtMatmulAlgoGetHeuristic")) return status;
    const Preference &p = *static_cast<Preference *>(preference);
    if (requested < 1 || p.most_workspace < kWorkspace || !static_cast<Product *>(product)->bias) return kNotSupported;
    auto &result = *static_cast<afnet::CublasLtAlgorithm *>(results);
    result = {};
    result.algorithm[0] = kOnly;
    for (int i = 0; i < 4; i++)
        result.algorithm[1 + i] = p.alignments[i];
    result.workspace_bytes = kWorkspace;
    *found = 1;
    return 0;
}
int cublasLtMatmul(void *, void *product, const void *alpha, const void *a_data, void *a, const void *b_data, void *b,
                   const void *beta, const void *c_data, void *c, void *d_data, void *d, const void *algorithm,
                   void *workspace, size_t workspace_bytes, void *stream) {
    if (const int status = fake_cuda_status("cublasLtMatmul")) return status;
    const Call call{*static_cast<Product *>(product), *static_cast<Layout *>(a), *static_cast<Layout *>(b),
                    *static_cast<Layout *>(d), static_cast<const float *>(a_data), static_cast<const float *>(b_data),
                    static_cast<const float *>(c_data), static_cast<float *>(d_data),
                    *static_cast<const float *>(beta) == 1};
    const uint64_t *chosen = static_cast<const uint64_t *>(algorithm);
    if (*static_cast<const float *>(alpha) != 1 || c != d || !fits(call) || chosen[0] != kOnly) return kInvalid;
    // Each group's operands lie as the algorithm was chosen for.
    for (int64_t g = 0; g < call.d.batch; g++) {
        if (!on_device(call.a_data + call.a.batch_stride * g, size_t(call.a.rows), chosen[1]) ||
            !on_device(call.b_data + call.b.batch_stride * g, size_t(call.b.rows), chosen[2]) ||
            !on_device(call.d_data + call.d.batch_stride * g, size_t(call.d.rows), chosen[4])) {
            return kInvalid;
        }
    }
    if (workspace_bytes < kWorkspace || !on_device(workspace, kWorkspace / sizeof(float), 16) ||
        !on_device(a_data, call.a.floats(), 1) || !on_device(b_data, call.b.floats(), 1) ||
        !on_device(d_data, call.d.floats(), 1) || !on_device(call.product.bias, size_t(call.d.rows), 128) ||
        (call.adds && !on_device(c_data, call.d.floats(), 1))) {
        return kInvalid;
    }
    char text[96];
    std::snprintf(text, sizeof text, "cublaslt %lux%lu", (unsigned long)call.a.rows * (unsigned long)call.a.batch,
                  (unsigned long)call.d.rows * (unsigned long)call.d.batch);
    return fake_cuda_launch(
        text,
        [call, workspace] {
            std::memset(workspace, 0x5A, kWorkspace);
            call.compute();
        },
        stream);
}

} // extern "C"
