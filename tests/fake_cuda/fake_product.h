// What the stand-ins of cuDNN and cuBLASLt share: factors as tensor cores see them, and operands that are the device's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tests/fake_cuda/fake_cuda.h"

namespace afnet_test {

/// A float with so many bits of mantissa, of 23, to nearest.
inline double rounded_factor(float value, int bits) {
    if (bits == 23) return value;
    uint32_t word;
    std::memcpy(&word, &value, sizeof word);
    const uint32_t unit = uint32_t(1) << (23 - bits);
    word = (word + unit / 2) & ~(unit - 1);
    float result;
    std::memcpy(&result, &word, sizeof result);
    return result;
}

/// Whether floats lie in the device's memory, at a multiple of what both libraries' kernels are chosen for.
inline bool on_device(const void *memory, size_t floats, size_t alignment) {
    return reinterpret_cast<uintptr_t>(memory) % alignment == 0 &&
           fake_cuda_allocated(memory, floats * sizeof(float));
}

} // namespace afnet_test
