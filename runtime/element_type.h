// The element types that weights are stored in, by the names that safetensors gives them, and their conversion to the
// numbers that the program computes with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace afnet {

/// Bytes of one element of BOOL, U8, I8, U16, I16, F16, BF16, U32, I32, F32, U64, I64 or F64; 0 for any other name.
size_t element_bytes(const std::string &dtype);

/// The names that element_bytes knows, for messages: "F32, F64, ...".
std::string known_element_types();

/// The number of elements of a tensor: the product of its extents, 1 for a scalar. Nothing when an extent is negative
/// or when the product of the extents other than 0 is 2^63 or more, so that strides cannot overflow either.
std::optional<uint64_t> element_count(const std::vector<int64_t> &shape);

/// "[64, 3, 7, 7]"
std::string shape_text(const std::vector<int64_t> &shape);

/// Converts `count` little-endian elements at `data` (any alignment) to float or double, rounding to nearest: integers
/// beyond 2^24 (2^53) lose low bits, an F64 beyond float's range becomes infinite, a BOOL becomes 0 or 1.
/// Throws Error when element_bytes does not know `dtype`.
void convert_elements(const std::string &dtype, const unsigned char *data, size_t count, float *out);
void convert_elements(const std::string &dtype, const unsigned char *data, size_t count, double *out);

/// The index of the first of `count` floats, at any alignment, that is NaN or an infinity; `count` where none is.
size_t first_not_finite(const unsigned char *floats, size_t count);

/// The bfloat16 nearest to a float, to even where two are as near, as 16 bits; and the float that such bits are.
uint16_t bfloat16_bits(float value);
float float_of_bfloat16(uint16_t bits);

/// Throws Error naming `path`, `tensor` and the index of the first NaN or infinity among `values`.
void require_finite(const std::string &path, const std::string &tensor, const std::vector<float> &values);
void require_finite(const std::string &path, const std::string &tensor, const std::vector<double> &values);

} // namespace afnet
