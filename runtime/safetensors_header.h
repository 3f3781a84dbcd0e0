// The JSON header of a safetensors file: its syntax and the form of each entry. Whether the entries fit the data behind
// the header is judged in safetensors.cpp, which is what to use for reading a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace afnet {

/// Limits that the reader and the writer share.
constexpr size_t safetensors_max_header_bytes = 100'000'000;
constexpr size_t safetensors_max_rank = 8;
constexpr size_t safetensors_max_name_bytes = 1024;

/// One tensor as the header describes it.
struct SafetensorsEntry {
    std::string name;
    std::string dtype;           // as written, known or not
    std::vector<int64_t> shape;  // outermost extent first
    uint64_t begin = 0, end = 0; // bytes from the end of the header, as written
};

struct SafetensorsHeader {
    std::map<std::string, std::string> metadata;
    std::vector<SafetensorsEntry> entries; // in the order of the text
};

/// Parses `size` bytes of header. Throws Error, naming `path`, when they are not JSON of the expected form: not an
/// object of objects, bad UTF-8, a NUL byte, anything twice, a missing or unknown field, an extent or offset that is
/// not a whole number below 2^63, a rank or name beyond the limits above, metadata that is not text.
SafetensorsHeader parse_safetensors_header(const std::string &path, const char *text, size_t size);

} // namespace afnet
