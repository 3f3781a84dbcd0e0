// Content hashes for caches and manifests.
#pragma once

#include <string>
#include <string_view>

namespace afnet {

/// XXH3-128 of bytes, as 32 hexadecimal digits.
std::string content_hash(std::string_view bytes);

/// The same for a file's contents. Throws Error when it cannot be read.
std::string file_hash(const std::string &path);

}  // namespace afnet
