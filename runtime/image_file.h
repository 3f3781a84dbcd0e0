// Pictures in files: JPEG and PNG.
#pragma once

#include <string>
#include <vector>

#include "runtime/media_limits.h"
#include "runtime/rgb_frame.h"

namespace afnet {

/// Decodes a JPEG or PNG file, recognised by its contents; the pixels are those that Pillow gives in mode RGB: grey is
/// repeated, palettes are looked up, alpha and everything about gamma, profiles and rotation is dropped, 16 bits keep
/// the upper 8. What a decoder could repair is added to `warnings`, with the path. Throws Error naming the file when it
/// cannot be read, is neither format, is damaged or cut short, or exceeds limits.max_pixels; in builds without image
/// codecs always.
RgbFrame read_image(const std::string &path, const MediaLimits &limits, std::vector<std::string> &warnings);

} // namespace afnet
