#include "runtime/media_switches.h"
#if AFNET_WITH_FFMPEG

#include "runtime/frame_convert.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "runtime/error.h"

extern "C" {
#include <libavutil/display.h>
#include <libavutil/pixdesc.h>
}

namespace afnet {

namespace {

// Rounds correctly, interpolates chroma to every pixel, and gives the same bits on every machine. The defaults are off
// by 2 to 3 levels on average, as much as many a colour augmentation.
constexpr int kScalerFlags = SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_BITEXACT;

// The converter writes whole groups of pixels, also past the end of a line.
constexpr int kLineAlignment = 64;
constexpr int kSlack = 64;

// The "J" formats say full range in their name; the converter wants it said apart.
AVPixelFormat without_range(AVPixelFormat format, bool &full_range) {
    const std::pair<AVPixelFormat, AVPixelFormat> twins[] = {{AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUV420P},
                                                             {AV_PIX_FMT_YUVJ411P, AV_PIX_FMT_YUV411P},
                                                             {AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUV422P},
                                                             {AV_PIX_FMT_YUVJ444P, AV_PIX_FMT_YUV444P},
                                                             {AV_PIX_FMT_YUVJ440P, AV_PIX_FMT_YUV440P}};
    for (const auto &[named, plain] : twins) {
        if (format != named) continue;
        full_range = true;
        return plain;
    }
    return format;
}

// The converter's matrix for a colour space; BT.601 where it has none.
int matrix_of(AVColorSpace space, bool &known) {
    known = true;
    switch (space) {
    case AVCOL_SPC_BT709:
        return SWS_CS_ITU709;
    case AVCOL_SPC_FCC:
        return SWS_CS_FCC;
    case AVCOL_SPC_SMPTE240M:
        return SWS_CS_SMPTE240M;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        return SWS_CS_BT2020;
    case AVCOL_SPC_RGB:
    case AVCOL_SPC_UNSPECIFIED:
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
        return SWS_CS_ITU601;
    default:
        known = false;
        return SWS_CS_ITU601;
    }
}

// Copies the picture out of its padded lines, turned.
RgbFrame turned(const uint8_t *lines, int line_bytes, int width, int height, const Orientation &turn) {
    RgbFrame result;
    result.width = turn.swaps_sides() ? height : width;
    result.height = turn.swaps_sides() ? width : height;
    result.data.resize(size_t(3) * width * height);
    const int first_x = (turn.xx < 0 ? width - 1 : 0) + (turn.xy < 0 ? height - 1 : 0);
    const int first_y = (turn.yx < 0 ? width - 1 : 0) + (turn.yy < 0 ? height - 1 : 0);
    for (int y = 0; y < height; ++y) {
        const uint8_t *line = lines + size_t(line_bytes) * y;
        if (turn.upright()) {
            std::copy_n(line, size_t(3) * width, result.data.data() + size_t(3) * width * y);
            continue;
        }
        for (int x = 0; x < width; ++x) {
            const int to_x = first_x + turn.xx * x + turn.xy * y;
            const int to_y = first_y + turn.yx * x + turn.yy * y;
            std::copy_n(line + 3 * x, 3, result.data.data() + 3 * (size_t(result.width) * to_y + to_x));
        }
    }
    return result;
}

} // namespace

Orientation stream_orientation(const AVStream &stream, std::vector<std::string> &warnings) {
    size_t bytes = 0;
    const uint8_t *data = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, &bytes);
    if (!data || bytes < 9 * sizeof(int32_t)) return {};
    int32_t matrix[9];
    std::memcpy(matrix, data, sizeof matrix);
    // A row vector times this matrix gives the place on the screen. Only signs matter here: players ignore the scale.
    const auto sign = [](int32_t v) { return (v > 0) - (v < 0); };
    const Orientation turn{sign(matrix[0]), sign(matrix[3]), sign(matrix[1]), sign(matrix[4])};
    const bool straight = turn.xx && turn.yy && !turn.xy && !turn.yx;
    const bool quarter = !turn.xx && !turn.yy && turn.xy && turn.yx;
    if (straight || quarter) return turn;
    const double angle = av_display_rotation_get(matrix);
    warnings.push_back(
        "the video asks to be shown turned by " +
        (std::isfinite(angle) ? std::to_string(std::lround(angle)) + " degrees to the left" : "an unclear angle") +
        "; only quarter turns are applied, so it is classified unturned");
    return {};
}

FrameConverter::FrameConverter(std::string name, const Orientation &orientation)
    : name_(std::move(name)), orientation_(orientation) {}

void FrameConverter::warn_once(const std::string &text) {
    if (std::find(warnings_.begin(), warnings_.end(), text) == warnings_.end()) warnings_.push_back(text);
}

void FrameConverter::prepare(const AVFrame &frame) {
    bool full_range = frame.color_range == AVCOL_RANGE_JPEG;
    bool known_matrix = true;
    const AVPixelFormat format = without_range(static_cast<AVPixelFormat>(frame.format), full_range);
    const int matrix = matrix_of(frame.colorspace, known_matrix);
    if (!known_matrix) {
        warn_once(std::string("colours in the matrix \"") + av_color_space_name(frame.colorspace) +
                  "\" are converted as if they were BT.601");
    }
    if (frame.color_trc == AVCOL_TRC_SMPTE2084 || frame.color_trc == AVCOL_TRC_ARIB_STD_B67) {
        warn_once("high dynamic range is converted without tone mapping, so colours look flat");
    }
    scaler_.reset(sws_getCachedContext(scaler_.release(), frame.width, frame.height, format, frame.width, frame.height,
                                       AV_PIX_FMT_RGB24, kScalerFlags, nullptr, nullptr, nullptr));
    if (!scaler_) {
        const char *text = av_get_pix_fmt_name(format);
        throw Error(name_ + ": pictures of " + std::to_string(frame.width) + " x " + std::to_string(frame.height) +
                    " in the pixel format " + (text ? text : "unknown") +
                    " cannot be converted to RGB; a usual format such as yuv420p expected. Convert it with ffmpeg");
    }
    const int *coefficients = sws_getCoefficients(matrix);
    sws_setColorspaceDetails(scaler_.get(), coefficients, full_range, coefficients, 1, 0, 1 << 16, 1 << 16);
}

RgbFrame FrameConverter::convert(const AVFrame &frame) {
    prepare(frame);
    const int line_bytes = (3 * frame.width + kLineAlignment - 1) / kLineAlignment * kLineAlignment;
    lines_.resize(size_t(line_bytes) * frame.height + kSlack);
    uint8_t *planes[4] = {lines_.data()};
    const int strides[4] = {line_bytes};
    const int rows = sws_scale(scaler_.get(), frame.data, frame.linesize, 0, frame.height, planes, strides);
    if (rows != frame.height) {
        throw Error(name_ + ": conversion to RGB gave " + std::to_string(rows) + " of " + std::to_string(frame.height) +
                    " rows; all expected. Convert the video with ffmpeg");
    }
    return turned(lines_.data(), line_bytes, frame.width, frame.height, orientation_);
}

} // namespace afnet

#endif
