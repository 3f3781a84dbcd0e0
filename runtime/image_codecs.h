// The two picture decoders behind read_image, each around a C library that reports errors by longjmp.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "runtime/media_limits.h"
#include "runtime/rgb_frame.h"

namespace afnet {

/// The contents of one picture file; `path` is for messages.
struct ImageBytes {
    const std::string &path;
    const unsigned char *data;
    size_t size;
};

/// Both throw Error, as read_image says.
RgbFrame decode_jpeg(const ImageBytes &bytes, const MediaLimits &limits, std::vector<std::string> &warnings);
RgbFrame decode_png(const ImageBytes &bytes, const MediaLimits &limits, std::vector<std::string> &warnings);

} // namespace afnet
