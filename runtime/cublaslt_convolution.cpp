// 1x1 convolutions by cuBLASLt: with pixels as columns, out [co, pixels] = w^T [co, ci] in [ci, pixels], each group a
// product of a batch. Matrices are stored by columns, so that tensors are matrices as they lie.
#include <algorithm>

#include "runtime/error.h"
#include "runtime/vendor_convolution.h"
#include "runtime/vendor_functions.h"

namespace afnet {

namespace {

constexpr float kOne = 1, kZero = 0;
constexpr size_t kMostWorkspace = size_t(32) << 20; // what NVIDIA recommends for its latest processors

void require(const CublasLtFunctions &f, int status, const char *what) {
    if (status == 0) return;
    const char *words = f.status_string(status);
    throw Error(std::string("cuBLASLt: ") + what + " failed: " + (words ? words : std::to_string(status)) +
                "; take --vendor-kernels never");
}

int compute_type(VendorRounding rounding) {
    switch (rounding) {
    case VendorRounding::F32:
        return kCublasF32;
    case VendorRounding::Tf32:
        return kCublasTf32;
    case VendorRounding::Bf16:
        return kCublasBf16;
    case VendorRounding::F16:
        return kCublasF16;
    }
    return kCublasF32;
}

// The three kinds of objects that describe a product.
class Description {
public:
    Description(int (*set)(void *, int, const void *, size_t), int (*destroy)(void *)) : set_(set), destroy_(destroy) {}
    ~Description() {
        if (object) destroy_(object);
    }
    Description(const Description &) = delete;
    Description &operator=(const Description &) = delete;

    template <class Value> int set(int attribute, Value value) { return set_(object, attribute, &value, sizeof value); }

    void *object = nullptr;

private:
    int (*set_)(void *, int, const void *, size_t);
    int (*destroy_)(void *);
};

// Groups lie `stride` elements apart.
class Layout : public Description {
public:
    Layout(const CublasLtFunctions &f, int rows, int columns, int leading, int groups, int stride)
        : Description(f.set_layout, f.destroy_layout) {
        require(f, f.create_layout(&object, kCublasFloat, uint64_t(rows), uint64_t(columns), leading), "a matrix");
        require(f, set(kCublasBatch, int32_t(groups)), "a number of groups");
        require(f, set(kCublasBatchStride, int64_t(stride)), "a group's place");
    }
};

// Bytes that the memory of every group begins at a multiple of.
uint32_t alignment(int stride, int groups) {
    uint32_t bytes = uint32_t(kVendorAlignment);
    const uint32_t apart = groups > 1 ? uint32_t(stride) * uint32_t(sizeof(float)) : bytes;
    while (apart % bytes != 0)
        bytes /= 2;
    return bytes;
}

class CublasLtConvolution : public VendorConvolution {
public:
    CublasLtConvolution(const CublasLtFunctions &f, void *handle, const VendorLayer &layer)
        : f_(f), handle_(handle), adds_(layer.adds), ci_(layer.ci / layer.groups), co_(layer.co / layer.groups),
          groups_(layer.groups), product_(f.set_product, f.destroy_product),
          weights_(f, ci_, co_, ci_, groups_, ci_ * co_), input_(f, ci_, pixels(layer), layer.ci, groups_, ci_),
          output_(f, co_, pixels(layer), layer.co, groups_, co_) {
        require(f, f.create_product(&product_.object, compute_type(layer.rounding), kCublasFloat), "a product");
        require(f, product_.set(kCublasTransposeA, int32_t(kCublasTransposed)), "a product's matrix");
        require(f, product_.set(kCublasEpilogue, int32_t(layer.relu ? kCublasReluAndBias : kCublasBiasAlone)),
                "an epilogue");
        if (groups_ > 1) require(f, product_.set(kCublasBiasStride, int64_t(co_)), "a bias");
    }

    // Whether cuBLASLt has a kernel for it. Of a bias it asks how it is aligned, by its address.
    bool served() {
        require(f_, product_.set(kCublasBias, reinterpret_cast<const void *>(kVendorAlignment)), "a bias");
        Description preference(f_.set_preference, f_.destroy_preference);
        require(f_, f_.create_preference(&preference.object), "a preference");
        require(f_, preference.set(kCublasMostWorkspace, uint64_t(kMostWorkspace)), "a limit of memory");
        const uint32_t out = alignment(co_, groups_);
        const uint32_t alignments[] = {alignment(ci_ * co_, groups_), alignment(ci_, groups_), out, out};
        for (int matrix = 0; matrix < 4; matrix++)
            require(f_, preference.set(kCublasAlignment + matrix, alignments[matrix]), "an alignment");
        int found = 0;
        const int status = f_.find_algorithm(handle_, product_.object, weights_.object, input_.object, output_.object,
                                             output_.object, preference.object, 1, &algorithm_, &found);
        if (status == kCublasNotSupported) return false;
        require(f_, status, "a search for an algorithm");
        return found > 0 && algorithm_.state == 0;
    }

    size_t workspace_bytes() const override { return algorithm_.workspace_bytes; }

    void run(const VendorOperands &o, void *workspace, void *stream) override {
        require(f_, product_.set(kCublasBias, o.bias), "a bias");
        require(f_,
                f_.multiply(handle_, product_.object, &kOne, o.weights, weights_.object, o.input, input_.object,
                            adds_ ? &kOne : &kZero, adds_ ? o.residual : o.output, output_.object, o.output,
                            output_.object, algorithm_.algorithm, workspace, algorithm_.workspace_bytes, stream),
                "a product");
    }

private:
    static int pixels(const VendorLayer &layer) { return layer.width * layer.height * layer.frames; }

    const CublasLtFunctions &f_;
    void *handle_;
    bool adds_;
    int ci_, co_, groups_; // channels of a group
    Description product_;
    Layout weights_, input_, output_;
    CublasLtAlgorithm algorithm_{};
};

class CublasLtLibrary : public VendorLibrary {
public:
    CublasLtLibrary() : f_(cublaslt_functions()) { require(f_, f_.create(&handle_), "cublasLtCreate"); }
    ~CublasLtLibrary() override { f_.destroy(handle_); }

    std::unique_ptr<VendorConvolution> convolution(const VendorLayer &layer) override {
        if (layer.kernel != 1 || layer.stride != 1) return nullptr;
        auto convolution = std::make_unique<CublasLtConvolution>(f_, handle_, layer);
        if (!convolution->served()) return nullptr;
        return convolution;
    }

private:
    const CublasLtFunctions &f_;
    void *handle_ = nullptr;
};

} // namespace

std::unique_ptr<VendorLibrary> open_cublaslt_library() {
    return std::make_unique<CublasLtLibrary>();
}

} // namespace afnet
