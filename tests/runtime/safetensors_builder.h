// Safetensors files put together from the text of their header, for tests.
#pragma once

#include <string>
#include <vector>

#include "runtime/safetensors.h"
#include "tests/runtime/file_checks.h"

namespace afnet_test::safetensors {

/// A file of this header, whatever it says, and `data_bytes` bytes behind it.
inline std::string file_of(const std::string &header, size_t data_bytes = 0) {
    return little_endian(header.size(), 8) + header + std::string(data_bytes, '\x3f');
}

/// A header with one tensor `t`, from the JSON of its fields.
inline std::string one(const std::string &shape, const std::string &offsets, const std::string &dtype = "\"F32\"") {
    return R"({"t":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

inline afnet::SafetensorsFile opened(const std::string &bytes) {
    return afnet::SafetensorsFile::from_memory(bytes_of(bytes), bytes.size(), "some.file");
}

inline std::string refusal_of(const std::string &bytes) {
    return refusal([&] { opened(bytes); });
}

/// `values`, which outlive the result, as a tensor of rank 1.
inline afnet::SafetensorsTensor tensor_of(const std::string &name, const std::vector<float> &values) {
    return {name,
            "F32",
            {static_cast<int64_t>(values.size())},
            reinterpret_cast<const unsigned char *>(values.data()),
            values.size() * sizeof(float)};
}

} // namespace afnet_test::safetensors
