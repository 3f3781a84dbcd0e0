// Element types of activations: the value `dtype` of a kernel's spec. With f32 and bf16, sums, biases, gates, pooled
// vectors and whatever else is no activation are 32-bit floats; with f64, which serves checks of training, all are doubles.
#pragma once

#include <map>
#include <string>

#include "Halide.h"

namespace afnet::generators {

enum class Dtype { F32, BF16, F64 };

/// Names as kernel specs spell them; a spec without `dtype` is f32.
inline const std::map<std::string, Dtype> &dtype_names() {
    static const std::map<std::string, Dtype> names = {
        {"f32", Dtype::F32}, {"bf16", Dtype::BF16}, {"f64", Dtype::F64}};
    return names;
}

inline Halide::Type element_type(Dtype dtype) {
    switch (dtype) {
    case Dtype::BF16: return Halide::BFloat(16);
    case Dtype::F64: return Halide::Float(64);
    case Dtype::F32: break;
    }
    return Halide::Float(32);
}

/// In which kernels of a dtype compute, and keep what is no activation.
inline Halide::Type sum_type(Dtype dtype) {
    return Halide::Float(dtype == Dtype::F64 ? 64 : 32);
}

/// A stored element as the number that is computed with. Nothing happens to a float or a double.
inline Halide::Expr widened(const Halide::Expr &element) {
    return element.type().bits() >= 32 ? element : Halide::cast<float>(element);
}

/// A computed number as it is stored, rounded to the nearest, to even where two are as near.
inline Halide::Expr rounded(Dtype dtype, const Halide::Expr &value) {
    return Halide::cast(element_type(dtype), value);
}

} // namespace afnet::generators
