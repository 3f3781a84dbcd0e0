// Pictures out: RGB to PNG.
#pragma once

#include <string>

#include "runtime/rgb_frame.h"

namespace afnet {

/// The picture as the bytes of a PNG file, 8-bit RGB. Throws Error when it is empty, when its data is not of
/// 3 * width * height bytes, and in builds without image codecs.
std::string encode_png(const RgbFrame &frame);

/// Writes the picture to `path`, which appears only when it is complete. Throws Error as encode_png and write_file do.
void write_png(const std::string &path, const RgbFrame &frame);

} // namespace afnet
