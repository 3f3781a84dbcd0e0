#include "runtime/content_hash.h"

#include <cstdio>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "runtime/file_io.h"

namespace afnet {

std::string content_hash(std::string_view bytes) {
    const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
    char text[33];
    std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(hash.high64),
                  static_cast<unsigned long long>(hash.low64));
    return text;
}

std::string file_hash(const std::string &path) {
    const MappedFile file(path);
    return content_hash({reinterpret_cast<const char *>(file.data()), file.size()});
}

}  // namespace afnet
