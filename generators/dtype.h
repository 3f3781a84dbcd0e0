// Element types of activations: the value `dtype` of a kernel's spec. Sums, biases, gates, pooled vectors and whatever
// else is no activation are 32-bit floats with every dtype.
#pragma once

#include <map>
#include <string>

#include "Halide.h"

namespace afnet::generators {

enum class Dtype { F32, BF16 };

/// Names as kernel specs spell them; a spec without `dtype` is f32.
inline const std::map<std::string, Dtype> &dtype_names() {
    static const std::map<std::string, Dtype> names = {{"f32", Dtype::F32}, {"bf16", Dtype::BF16}};
    return names;
}

inline Halide::Type element_type(Dtype dtype) {
    return dtype == Dtype::BF16 ? Halide::BFloat(16) : Halide::Float(32);
}

/// A stored element as the number that is computed with. Nothing happens to a float.
inline Halide::Expr widened(const Halide::Expr &element) {
    return Halide::cast<float>(element);
}

/// A computed number as it is stored, rounded to the nearest, to even where two are as near.
inline Halide::Expr rounded(Dtype dtype, const Halide::Expr &value) {
    return Halide::cast(element_type(dtype), value);
}

} // namespace afnet::generators
