// One decoder for one video stream: packets in, pictures out, damage counted and not fatal.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "runtime/ffmpeg_handles.h"
#include "runtime/media_limits.h"

namespace afnet {

/// The decoder for the stream. Throws Error naming `name` when the codec is unknown or not accepted, or when the frames
/// are larger than allowed.
const AVCodec &decoder_for(const AVStream &stream, const std::string &name, const MediaLimits &limits);

class VideoDecoder {
public:
    using Visit = std::function<void(const AVFrame &frame)>;

    /// Throws Error as decoder_for does, and when the decoder does not start.
    VideoDecoder(const AVStream &stream, const std::string &name, const MediaLimits &limits);

    /// Feeds one packet and hands every picture that comes out to `visit`, in presentation order. With `needed` false
    /// the decoder may leave the picture out, if no other picture depends on it.
    void feed(const AVPacket &packet, bool needed, const Visit &visit);

    /// Hands out the pictures still inside. Afterwards only restart() or the destructor may follow.
    void drain(const Visit &visit);

    /// Forgets everything fed, so that the next packet can be any key frame.
    void restart();

    /// Leaves out what changes pixels and not the number or the times of the pictures: for counting them.
    void count_only();

    /// Pictures and packets so far that the decoder reported as damaged.
    int64_t errors() const { return errors_; }

private:
    void receive(const Visit &visit);

    FfmpegPtr<AVCodecContext> codec_;
    FfmpegPtr<AVFrame> frame_;
    int64_t errors_ = 0;
};

} // namespace afnet
