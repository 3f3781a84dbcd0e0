// Frames to H.264 in MP4: the same frames and settings make the same bytes, with one encoder library, on every machine.
#pragma once

#include <memory>
#include <string>

#include "runtime/rgb_frame.h"

namespace afnet {

struct VideoSettings {
    int width = 0, height = 0;       // of every frame, 16 to 8192
    int fps = 16;                    // frames a second, 1 to 1000
    int qp = 12;                     // quantisation of every frame, 0 (nothing is lost but in rounding to YUV) to 51
    int group = 1;                   // frames from one key frame to the next, 1 to 250
    std::string encoder = "libx264"; // FFmpeg's name of the encoder; it must take x264's options
};

/// Encodes as frames come, in memory; the file appears when all is done. Colours are stored without subsampling
/// (yuv444p), in full range and by BT.601, so that little but the compression is lost. Not for use by several threads
/// at once; separate writers are independent.
class VideoWriter {
public:
    /// `path` is where finish() writes. Throws Error where settings are out of range, or FFmpeg has no such encoder; in
    /// builds without FFmpeg always.
    VideoWriter(std::string path, const VideoSettings &settings);
    ~VideoWriter();
    VideoWriter(VideoWriter &&) noexcept;
    VideoWriter &operator=(VideoWriter &&) noexcept;

    /// Adds the next frame. Throws Error when it has another size, or cannot be encoded.
    void add(const RgbFrame &frame);

    /// Ends the video and writes the file, whole or not at all (runtime/file_io.h). Gives back its size in bytes.
    /// Throws Error when there is no frame, or the file cannot be written: full disk, no such folder, no permission.
    size_t finish();

private:
    class State;
    std::unique_ptr<State> state_;
};

} // namespace afnet
