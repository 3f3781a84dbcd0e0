#include "runtime/image_file.h"

#include "runtime/error.h"
#include "runtime/media_switches.h"

#if AFNET_WITH_IMAGES

#include <cstring>

#include "runtime/file_io.h"
#include "runtime/image_codecs.h"

namespace afnet {

RgbFrame read_image(const std::string &path, const MediaLimits &limits, std::vector<std::string> &warnings) {
    const MappedFile file(path);
    const ImageBytes bytes{path, file.data(), file.size()};
    const auto begins_with = [&](const char *magic, size_t n) {
        return bytes.size >= n && std::memcmp(bytes.data, magic, n) == 0;
    };
    if (begins_with("\xff\xd8\xff", 3)) return decode_jpeg(bytes, limits, warnings);
    if (begins_with("\x89PNG\r\n\x1a\n", 8)) return decode_png(bytes, limits, warnings);
    throw Error(path + ": " + std::to_string(bytes.size) +
                " bytes that begin like no known picture; JPEG or PNG expected. Extract or copy this frame again");
}

} // namespace afnet

#else // AFNET_WITH_IMAGES

namespace afnet {

RgbFrame read_image(const std::string &path, const MediaLimits &, std::vector<std::string> &) {
    throw Error(path + ": this build has no image codecs and reads no JPEG or PNG files; a video file expected. Build "
                       "with -DAFNET_WITH_IMAGES=ON");
}

} // namespace afnet

#endif
