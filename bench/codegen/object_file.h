// Object files, as far as sizes go.
#pragma once

#include <cstddef>
#include <string>

namespace afnet {

/// Bytes of an ELF object's sections that hold instructions. `where` names the file in errors. Throws Error for what is
/// no 64-bit little-endian ELF file, or is cut off.
size_t code_bytes(const std::string &contents, const std::string &where);

} // namespace afnet
