// Pickles put together from their opcodes, for tests.
#pragma once

#include <cstdint>
#include <string>

#include "tests/runtime/file_checks.h"

namespace afnet_test::pickle {

/// A pickle of protocol 2 around opcodes that leave one value.
inline std::string pickled(const std::string &opcodes) {
    return "\x80\2" + opcodes + ".";
}

inline std::string text(const std::string &value) {
    return "X" + little_endian(value.size(), 4) + value;
}

/// From 0 to 2^31 - 1 in 4 bytes, anything else in 8.
inline std::string integer(int64_t value) {
    const auto bits = static_cast<uint64_t>(value);
    return bits < 0x80000000 ? "J" + little_endian(bits, 4) : "\x8a\x08" + little_endian(bits, 8);
}

inline std::string global(const std::string &module, const std::string &name) {
    return "c" + module + "\n" + name + "\n";
}

inline std::string ordered_dict() {
    return global("collections", "OrderedDict") + ")R";
}

} // namespace afnet_test::pickle
