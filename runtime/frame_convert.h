// Decoded pictures of any pixel format to RGB, exactly and always the same way.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/ffmpeg_handles.h"
#include "runtime/rgb_frame.h"

namespace afnet {

/// How a picture is laid onto the screen: the pixel in column x of row y of the stored picture appears in column
/// xx * x + xy * y and row yx * x + yy * y, moved so that the result begins at 0. Quarter turns and mirrorings only.
struct Orientation {
    int xx = 1, xy = 0, yx = 0, yy = 1;
    bool upright() const { return xx == 1 && yy == 1; }
    bool swaps_sides() const { return xx == 0; }
};

/// The orientation that the stream asks players for. Other angles than quarter turns give the upright orientation and
/// add to `warnings`.
Orientation stream_orientation(const AVStream &stream, std::vector<std::string> &warnings);

class FrameConverter {
public:
    FrameConverter(std::string name, const Orientation &orientation);

    /// The picture in RGB, at its own size, turned as the orientation says. Colours follow the picture's matrix and
    /// range; where it names none, BT.601 and limited range. Throws Error when its pixel format cannot be converted.
    RgbFrame convert(const AVFrame &frame);

    /// Colours that were converted by approximation, each said once.
    const std::vector<std::string> &warnings() const { return warnings_; }

private:
    void prepare(const AVFrame &frame);
    void warn_once(const std::string &text);

    std::string name_;
    Orientation orientation_;
    FfmpegPtr<SwsContext> scaler_;
    std::vector<uint8_t> lines_; // one picture with the line length that the converter likes
    std::vector<std::string> warnings_;
};

} // namespace afnet
