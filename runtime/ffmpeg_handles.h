// FFmpeg's objects with owners, and its messages as text. Included only by the files that decode video; everything else
// sees runtime/video_reader.h and runtime/video_stream.h.
#pragma once

#include <memory>
#include <string>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
}

namespace afnet {

struct FfmpegDeleter {
    void operator()(AVFormatContext *format) const { avformat_close_input(&format); }
    void operator()(AVCodecContext *codec) const { avcodec_free_context(&codec); }
    void operator()(AVFrame *frame) const { av_frame_free(&frame); }
    void operator()(AVPacket *packet) const { av_packet_free(&packet); }
    void operator()(SwsContext *scaler) const { sws_freeContext(scaler); }
    void operator()(AVIOContext *io) const {
        av_freep(&io->buffer);
        avio_context_free(&io);
    }
};

template <typename T> using FfmpegPtr = std::unique_ptr<T, FfmpegDeleter>;

/// Keeps FFmpeg from writing to standard error, from now on and in the whole process: its messages are kept for
/// ffmpeg_reason() instead. Also forgets this thread's message so far.
void collect_ffmpeg_messages();

/// The first error message of this thread since collect_ffmpeg_messages(); empty when there was none.
std::string ffmpeg_message();

/// What an FFmpeg error code means, with ffmpeg_message().
std::string ffmpeg_reason(int code);

/// Throws std::bad_alloc when FFmpeg could not allocate `object`; gives it back otherwise.
template <typename T> T *allocated(T *object) {
    if (!object) throw std::bad_alloc();
    return object;
}

} // namespace afnet
