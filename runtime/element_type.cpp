#include "runtime/element_type.h"

#include <cmath>
#include <cstring>
#include <type_traits>

#include "runtime/error.h"
#include "runtime/text.h"

namespace afnet {

namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "elements are read in the byte order of the file");

float float_of_bits(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

struct Half {
    uint16_t bits;
    template <typename To> explicit operator To() const { return static_cast<To>(value()); }
    float value() const {
        const uint32_t sign = (bits & 0x8000U) << 16, rest = bits & 0x7fffU;
        if (rest >= 0x7c00) return float_of_bits(sign | 0x7f800000U | (rest & 0x3ffU) << 13);
        if (rest >= 0x0400) return float_of_bits(sign | ((rest << 13) + ((127U - 15U) << 23)));
        const float subnormal = static_cast<float>(rest) * 0x1p-24F;
        return sign ? -subnormal : subnormal;
    }
};

struct BFloat16 {
    uint16_t bits;
    template <typename To> explicit operator To() const { return static_cast<To>(float_of_bits(uint32_t(bits) << 16)); }
};

// Not bool: a byte other than 0 or 1 in one is undefined behaviour.
struct Flag {
    uint8_t byte;
    template <typename To> explicit operator To() const { return static_cast<To>(byte != 0); }
};

template <typename From, typename To> void convert_as(const unsigned char *data, size_t count, To *out) {
    if constexpr (std::is_same_v<From, To>) {
        if (count > 0) std::memcpy(out, data, count * sizeof *out);
        return;
    }
    for (size_t i = 0; i < count; ++i) {
        From element;
        std::memcpy(&element, data + i * sizeof element, sizeof element);
        out[i] = static_cast<To>(element);
    }
}

struct ElementType {
    const char *name;
    size_t bytes;
    void (*to_float)(const unsigned char *, size_t, float *);
    void (*to_double)(const unsigned char *, size_t, double *);
};

template <typename From> constexpr ElementType element_type(const char *name) {
    return {name, sizeof(From), convert_as<From, float>, convert_as<From, double>};
}

constexpr ElementType element_types[] = {
    element_type<float>("F32"),     element_type<double>("F64"),   element_type<Half>("F16"),
    element_type<BFloat16>("BF16"), element_type<int64_t>("I64"),  element_type<int32_t>("I32"),
    element_type<int16_t>("I16"),   element_type<int8_t>("I8"),    element_type<uint64_t>("U64"),
    element_type<uint32_t>("U32"),  element_type<uint16_t>("U16"), element_type<uint8_t>("U8"),
    element_type<Flag>("BOOL"),
};

const ElementType *find_element_type(const std::string &dtype) {
    for (const ElementType &type : element_types) {
        if (dtype == type.name) return &type;
    }
    return nullptr;
}

const ElementType &require_element_type(const std::string &dtype) {
    if (const ElementType *type = find_element_type(dtype)) return *type;
    throw Error("element type " + printable(dtype) + " cannot be converted; one of " + known_element_types() +
                " expected");
}

template <typename T>
void require_finite_values(const std::string &path, const std::string &tensor, const std::vector<T> &values) {
    for (size_t i = 0; i < values.size(); ++i) {
        if (std::isfinite(values[i])) continue;
        throw Error(path + ": tensor " + printable(tensor) + " holds " +
                    (std::isnan(values[i]) ? "NaN" : "an infinity") + " at index " + std::to_string(i) + " of " +
                    std::to_string(values.size()) +
                    "; finite numbers expected. The file is damaged or its training had diverged: use an earlier one");
    }
}

} // namespace

size_t element_bytes(const std::string &dtype) {
    const ElementType *type = find_element_type(dtype);
    return type ? type->bytes : 0;
}

std::string known_element_types() {
    std::string names;
    for (const ElementType &type : element_types)
        names += (names.empty() ? "" : ", ") + std::string(type.name);
    return names;
}

std::optional<uint64_t> element_count(const std::vector<int64_t> &shape) {
    int64_t product = 1;
    bool empty = false;
    for (const int64_t extent : shape) {
        if (extent < 0) return std::nullopt;
        empty = empty || extent == 0;
        if (extent > 0 && __builtin_mul_overflow(product, extent, &product)) return std::nullopt;
    }
    return empty ? 0 : static_cast<uint64_t>(product);
}

std::string shape_text(const std::vector<int64_t> &shape) {
    std::string text = "[";
    for (const int64_t extent : shape)
        text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
    return text + "]";
}

void convert_elements(const std::string &dtype, const unsigned char *data, size_t count, float *out) {
    require_element_type(dtype).to_float(data, count, out);
}

void convert_elements(const std::string &dtype, const unsigned char *data, size_t count, double *out) {
    require_element_type(dtype).to_double(data, count, out);
}

size_t first_not_finite(const unsigned char *floats, size_t count) {
    // Blocks of one size become vector instructions; only a block that holds a fault is looked through.
    constexpr size_t kBlock = 1024;
    constexpr uint32_t kExponent = 0x7f800000U;
    const auto exponent_full = [floats](size_t i) -> uint32_t {
        uint32_t bits;
        std::memcpy(&bits, floats + i * sizeof bits, sizeof bits);
        return (bits & kExponent) == kExponent;
    };
    size_t at = 0;
    for (; at + kBlock <= count; at += kBlock) {
        uint32_t found = 0;
        for (size_t i = 0; i < kBlock; i++)
            found |= exponent_full(at + i);
        if (found) break;
    }
    while (at < count && !exponent_full(at))
        at++;
    return at;
}

uint16_t bfloat16_bits(float value) {
    if (std::isnan(value)) return 0x7fc0; // rounding would carry into the sign
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return uint16_t((bits + 0x7fffU + (bits >> 16 & 1U)) >> 16);
}

float float_of_bfloat16(uint16_t bits) {
    return float_of_bits(uint32_t(bits) << 16);
}

void require_finite(const std::string &path, const std::string &tensor, const std::vector<float> &values) {
    require_finite_values(path, tensor, values);
}

void require_finite(const std::string &path, const std::string &tensor, const std::vector<double> &values) {
    require_finite_values(path, tensor, values);
}

} // namespace afnet
