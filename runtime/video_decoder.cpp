#include "runtime/media_switches.h"
#if AFNET_WITH_FFMPEG

#include "runtime/video_decoder.h"

#include "runtime/error.h"
#include "runtime/media_formats.h"

namespace afnet {

const AVCodec &decoder_for(const AVStream &stream, const std::string &name, const MediaLimits &limits) {
    const AVCodecParameters &parameters = *stream.codecpar;
    const AVCodec *decoder = accepted_decoder(stream);
    if (!decoder) {
        throw Error(name + ": its video is coded as \"" + avcodec_get_name(parameters.codec_id) +
                    "\", which this build does not decode; H.264, HEVC, VP9, AV1, MPEG-4 or alike expected. Convert it "
                    "with ffmpeg");
    }
    // Some formats tell the size only in the first picture, which the decoder then holds against max_pixels itself.
    if (parameters.width || parameters.height) check_frame_size(name, parameters.width, parameters.height, limits);
    return *decoder;
}

VideoDecoder::VideoDecoder(const AVStream &stream, const std::string &name, const MediaLimits &limits)
    : frame_(allocated(av_frame_alloc())) {
    const AVCodec &decoder = decoder_for(stream, name, limits);
    codec_.reset(allocated(avcodec_alloc_context3(&decoder)));
    int code = avcodec_parameters_to_context(codec_.get(), stream.codecpar);
    codec_->pkt_timebase = stream.time_base;
    codec_->max_pixels = limits.max_pixels;
    // Clips are decoded side by side, so threads inside one decoder would only cost; and skipping pictures one by one
    // needs the packets to be decoded one by one.
    codec_->thread_count = 1;
    if (code >= 0) code = avcodec_open2(codec_.get(), &decoder, nullptr);
    if (code < 0) {
        throw Error(name + ": its " + std::string(decoder.name) + " decoder does not start: " + ffmpeg_reason(code) +
                    "; intact stream parameters expected. Convert the video with ffmpeg");
    }
}

void VideoDecoder::feed(const AVPacket &packet, bool needed, const Visit &visit) {
    // Only H.264 marks, in every packet, whether anything at all depends on its picture.
    const bool may_skip = !needed && codec_->codec_id == AV_CODEC_ID_H264;
    codec_->skip_frame = may_skip ? AVDISCARD_NONREF : AVDISCARD_DEFAULT;
    if (avcodec_send_packet(codec_.get(), &packet) < 0) ++errors_;
    receive(visit);
}

void VideoDecoder::drain(const Visit &visit) {
    avcodec_send_packet(codec_.get(), nullptr);
    receive(visit);
}

void VideoDecoder::restart() {
    avcodec_flush_buffers(codec_.get());
}

void VideoDecoder::count_only() {
    codec_->skip_loop_filter = AVDISCARD_ALL;
    codec_->skip_idct = AVDISCARD_ALL;
}

void VideoDecoder::receive(const Visit &visit) {
    // Every failure uses up some input, but a decoder that did not would keep us here: hence the bound.
    for (int failures = 0; failures < 1000;) {
        const int code = avcodec_receive_frame(codec_.get(), frame_.get());
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return;
        if (code < 0) {
            ++errors_;
            ++failures;
            continue;
        }
        if (frame_->decode_error_flags || (frame_->flags & AV_FRAME_FLAG_CORRUPT)) ++errors_;
        visit(*frame_);
        av_frame_unref(frame_.get());
    }
}

} // namespace afnet

#endif
