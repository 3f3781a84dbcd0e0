#include "runtime/video_writer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/error.h"
#include "runtime/media_switches.h"

#if AFNET_WITH_FFMPEG

#include "runtime/ffmpeg_handles.h"
#include "runtime/file_io.h"

extern "C" {
#include <libavutil/opt.h>
}

namespace afnet {

namespace {

// Rounds correctly, and to the same bits on every machine; the reader's conversion is its inverse.
constexpr int kScalerFlags = SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_BITEXACT;

struct MuxerDeleter {
    void operator()(AVFormatContext *muxer) const {
        uint8_t *bytes = nullptr;
        if (muxer->pb) avio_close_dyn_buf(muxer->pb, &bytes);
        av_free(bytes);
        avformat_free_context(muxer);
    }
};

void check_range(const std::string &path, const char *what, int value, int low, int high) {
    if (value >= low && value <= high) return;
    throw Error(path + ": a video with " + what + " " + std::to_string(value) + "; " + std::to_string(low) + " to " +
                std::to_string(high) + " expected");
}

} // namespace

class VideoWriter::State {
public:
    State(std::string path, const VideoSettings &settings) : path_(std::move(path)), settings_(settings) {
        check_range(path_, "width", settings.width, 16, 8192);
        check_range(path_, "height", settings.height, 16, 8192);
        check_range(path_, "frames a second", settings.fps, 1, 1000);
        check_range(path_, "qp", settings.qp, 0, 51);
        check_range(path_, "frames a group", settings.group, 1, 250);
        collect_ffmpeg_messages();
        open_encoder();
        open_muxer();
        open_converter();
    }

    void add(const RgbFrame &frame) {
        if (frame.width != settings_.width || frame.height != settings_.height ||
            frame.data.size() != size_t(3) * frame.width * frame.height) {
            throw Error(path_ + ": frame " + std::to_string(frames_) + " is " + std::to_string(frame.width) + " x " +
                        std::to_string(frame.height) + " with " + std::to_string(frame.data.size()) + " bytes; " +
                        std::to_string(settings_.width) + " x " + std::to_string(settings_.height) +
                        " with three bytes a pixel expected");
        }
        check(av_frame_make_writable(picture_.get())); // the encoder may still hold the frame before
        // libswscale reads whole vectors, beyond a line's end: lines of its own have room behind them.
        const size_t line = size_t(3) * size_t(frame.width), stride = (line + 127) / 64 * 64;
        lines_.resize(stride * size_t(frame.height));
        for (size_t y = 0; y < size_t(frame.height); y++) {
            std::copy_n(frame.data.begin() + long(y * line), line, lines_.begin() + long(y * stride));
        }
        const uint8_t *planes[] = {lines_.data()};
        const int strides[] = {int(stride)};
        sws_scale(converter_.get(), planes, strides, 0, frame.height, picture_->data, picture_->linesize);
        picture_->pts = frames_++;
        check(avcodec_send_frame(encoder_.get(), picture_.get()));
        store_packets();
    }

    size_t finish() {
        if (frames_ == 0) throw Error(path_ + ": a video without frames; at least one expected");
        check(avcodec_send_frame(encoder_.get(), nullptr));
        store_packets();
        check(av_write_trailer(muxer_.get()));
        uint8_t *data = nullptr;
        const int size = avio_close_dyn_buf(std::exchange(muxer_->pb, nullptr), &data);
        const std::unique_ptr<uint8_t, decltype(&av_free)> owner(data, av_free);
        write_file(path_, std::string(reinterpret_cast<const char *>(data), size_t(size)));
        return size_t(size);
    }

private:
    void check(int code) const {
        if (code == AVERROR(ENOMEM)) throw std::bad_alloc();
        if (code < 0) throw Error(path_ + ": cannot encode the video: " + ffmpeg_reason(code));
    }

    void open_encoder() {
        const AVCodec *codec = avcodec_find_encoder_by_name(settings_.encoder.c_str());
        if (!codec || codec->id != AV_CODEC_ID_H264) {
            throw Error(path_ + ": FFmpeg's libavcodec here has no H.264 encoder " + settings_.encoder +
                        ", so that no video can be written; install Debian's libavcodec59, which has libx264");
        }
        encoder_.reset(allocated(avcodec_alloc_context3(codec)));
        encoder_->width = settings_.width;
        encoder_->height = settings_.height;
        encoder_->pix_fmt = AV_PIX_FMT_YUV444P;
        encoder_->color_range = AVCOL_RANGE_JPEG;
        encoder_->colorspace = AVCOL_SPC_SMPTE170M;
        encoder_->time_base = {1, settings_.fps};
        encoder_->framerate = {settings_.fps, 1};
        encoder_->gop_size = settings_.group;
        encoder_->max_b_frames = 0;
        encoder_->thread_count = 1; // what x264 decides depends on its number of threads
        encoder_->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
        AVDictionary *options = nullptr;
        av_dict_set(&options, "preset", "medium", 0);
        av_dict_set_int(&options, "qp", settings_.qp, 0);
        // Key frames where a group begins and nowhere else, quantised like all others; and nothing that depends on the
        // processor's vector instructions.
        av_dict_set(&options, "x264-params", "scenecut=0:ipratio=1:cpu-independent=1", 0);
        const int code = avcodec_open2(encoder_.get(), codec, &options);
        av_dict_free(&options);
        check(code);
    }

    void open_muxer() {
        AVFormatContext *muxer = nullptr;
        check(avformat_alloc_output_context2(&muxer, nullptr, "mp4", nullptr));
        muxer_.reset(muxer);
        muxer_->flags |= AVFMT_FLAG_BITEXACT; // names neither FFmpeg's version nor the time
        stream_ = allocated(avformat_new_stream(muxer, nullptr));
        check(avcodec_parameters_from_context(stream_->codecpar, encoder_.get()));
        stream_->time_base = encoder_->time_base;
        stream_->avg_frame_rate = encoder_->framerate;
        check(avio_open_dyn_buf(&muxer->pb));
        check(avformat_write_header(muxer, nullptr));
        packet_.reset(allocated(av_packet_alloc()));
    }

    void open_converter() {
        picture_.reset(allocated(av_frame_alloc()));
        picture_->format = encoder_->pix_fmt;
        picture_->width = settings_.width;
        picture_->height = settings_.height;
        picture_->color_range = encoder_->color_range;
        picture_->colorspace = encoder_->colorspace;
        check(av_frame_get_buffer(picture_.get(), 0));
        converter_.reset(
            allocated(sws_getContext(settings_.width, settings_.height, AV_PIX_FMT_RGB24, settings_.width,
                                     settings_.height, encoder_->pix_fmt, kScalerFlags, nullptr, nullptr, nullptr)));
        const int *matrix = sws_getCoefficients(SWS_CS_ITU601);
        sws_setColorspaceDetails(converter_.get(), matrix, 1, matrix, 1, 0, 1 << 16, 1 << 16);
    }

    void store_packets() {
        for (;;) {
            const int code = avcodec_receive_packet(encoder_.get(), packet_.get());
            if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return;
            check(code);
            packet_->duration = 1;
            packet_->stream_index = stream_->index;
            av_packet_rescale_ts(packet_.get(), encoder_->time_base, stream_->time_base);
            check(av_write_frame(muxer_.get(), packet_.get()));
            av_packet_unref(packet_.get());
        }
    }

    std::string path_;
    VideoSettings settings_;
    FfmpegPtr<AVCodecContext> encoder_;
    std::unique_ptr<AVFormatContext, MuxerDeleter> muxer_;
    AVStream *stream_ = nullptr; // the muxer's
    FfmpegPtr<AVPacket> packet_;
    FfmpegPtr<AVFrame> picture_;
    FfmpegPtr<SwsContext> converter_;
    std::vector<uint8_t> lines_; // of the frame that is converted
    int64_t frames_ = 0;
};

VideoWriter::VideoWriter(std::string path, const VideoSettings &settings)
    : state_(std::make_unique<State>(std::move(path), settings)) {}

void VideoWriter::add(const RgbFrame &frame) {
    state_->add(frame);
}

size_t VideoWriter::finish() {
    return state_->finish();
}

} // namespace afnet

#else // AFNET_WITH_FFMPEG

namespace afnet {

class VideoWriter::State {};

VideoWriter::VideoWriter(std::string path, const VideoSettings &) {
    throw Error(path + ": this build has no FFmpeg and writes no videos; build with -DAFNET_WITH_FFMPEG=ON");
}

void VideoWriter::add(const RgbFrame &) {}

size_t VideoWriter::finish() {
    return 0;
}

} // namespace afnet

#endif

namespace afnet {

VideoWriter::~VideoWriter() = default;
VideoWriter::VideoWriter(VideoWriter &&) noexcept = default;
VideoWriter &VideoWriter::operator=(VideoWriter &&) noexcept = default;

} // namespace afnet
