#include "runtime/media_switches.h"
#if AFNET_WITH_FFMPEG

#include "runtime/media_input.h"

#include <cerrno>
#include <chrono>
#include <poll.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "runtime/error.h"
#include "runtime/media_formats.h"

namespace afnet {

namespace {

constexpr int kBufferBytes = 1 << 16;
constexpr int kPollMilliseconds = 50; // how long a read that waits for data goes without looking at the watch

// A set of FFmpeg options that frees itself.
struct Options {
    AVDictionary *entries = nullptr;
    ~Options() { av_dict_free(&entries); }
    void set(const char *key, const std::string &value) { av_dict_set(&entries, key, value.c_str(), 0); }
    void set(const char *key, int64_t value) { av_dict_set_int(&entries, key, value, 0); }
};

} // namespace

MediaInput::MediaInput(std::string name, int descriptor, const MediaLimits &limits, const WorkWatch &watch)
    : name_(std::move(name)), descriptor_(descriptor), limits_(limits), watch_(watch) {
    struct stat status {};
    seekable_ = ::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode);
}

MediaInput::MediaInput(std::string device, const CaptureSettings &settings, const MediaLimits &limits,
                       const WorkWatch &watch)
    : name_(std::move(device)), device_(true), settings_(settings), limits_(limits), watch_(watch) {}

MediaInput::~MediaInput() {
    format_.reset();
    io_.reset();
    if (descriptor_ >= 0) ::close(descriptor_);
}

int MediaInput::read_when_ready(uint8_t *buffer, int size) {
    while (!watch_.over()) {
        if (!seekable_) {
            pollfd wait{descriptor_, POLLIN, 0};
            if (::poll(&wait, 1, kPollMilliseconds) <= 0) continue;
        }
        const ssize_t n = ::read(descriptor_, buffer, static_cast<size_t>(size));
        if (n > 0) return static_cast<int>(n);
        if (n == 0) return AVERROR_EOF;
        if (errno != EINTR && errno != EAGAIN) return AVERROR(errno);
    }
    return AVERROR_EXIT;
}

int MediaInput::read(void *self, uint8_t *buffer, int size) {
    return static_cast<MediaInput *>(self)->read_when_ready(buffer, size);
}

int64_t MediaInput::seek_bytes(void *self, int64_t offset, int whence) {
    const int descriptor = static_cast<MediaInput *>(self)->descriptor_;
    if (whence & AVSEEK_SIZE) {
        struct stat status {};
        return ::fstat(descriptor, &status) == 0 ? status.st_size : AVERROR(errno);
    }
    const off_t place = ::lseek(descriptor, offset, whence & ~AVSEEK_FORCE);
    return place < 0 ? AVERROR(errno) : place;
}

int MediaInput::should_stop(void *self) {
    return static_cast<MediaInput *>(self)->watch_.over();
}

void MediaInput::refuse(const std::string &what, int code) const {
    watch_.check(name_);
    throw Error(name_ + ": " + what + ": " + ffmpeg_reason(code) +
                "; a video such as MP4, WebM, MKV or AVI expected. Check that it plays, or convert it with ffmpeg");
}

void MediaInput::open() {
    collect_ffmpeg_messages();
    broken_off_.clear();
    format_.reset();
    io_.reset();
    if (device_) {
        open_device();
    } else {
        open_bytes();
    }
    inspect_streams();
    stream_ = choose_stream();
    collect_ffmpeg_messages(); // drops complaints about streams that are not read
    for (unsigned i = 0; i < format_->nb_streams; ++i) {
        format_->streams[i]->discard = static_cast<int>(i) == stream_ ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    }
}

const AVInputFormat *MediaInput::recognise() {
    const AVInputFormat *input = nullptr;
    const int code = av_probe_input_buffer2(io_.get(), &input, name_.c_str(), nullptr, 0, 0);
    if (code < 0 || !input) refuse("not a video that can be recognised", code < 0 ? code : AVERROR_INVALIDDATA);
    if (accepted_format(input->name)) return input;
    throw Error(name_ + ": is of the format \"" + input->name +
                "\", which is not accepted; a video such as MP4, WebM, MKV or AVI expected. Convert it with ffmpeg");
}

void MediaInput::open_format(const AVInputFormat *input, AVDictionary *&options) {
    AVFormatContext *format = allocated(avformat_alloc_context());
    format->pb = io_.get();
    format->interrupt_callback = {should_stop, this};
    format->codec_whitelist = av_strdup(kAcceptedDecoders);
    // Even an accepted container may name other files or addresses; no protocol is there to open them with.
    format->protocol_whitelist = av_strdup("none");
    if (device_) format->flags |= AVFMT_FLAG_NONBLOCK;
    const int code = avformat_open_input(&format, name_.c_str(), input, &options);
    if (code < 0) refuse("cannot be opened", code);
    format_.reset(format);
    format_name_ = input->name;
}

void MediaInput::open_bytes() {
    if (seekable_ && ::lseek(descriptor_, 0, SEEK_SET) != 0) refuse("cannot be rewound", AVERROR(errno));
    auto *buffer = static_cast<uint8_t *>(allocated(av_malloc(kBufferBytes)));
    AVIOContext *io =
        avio_alloc_context(buffer, kBufferBytes, 0, this, read, nullptr, seekable_ ? seek_bytes : nullptr);
    if (!io) av_freep(&buffer);
    io_.reset(allocated(io));
    Options options;
    open_format(recognise(), options.entries);
}

void MediaInput::open_device() {
    const AVInputFormat *input = capture_format(name_);
    Options options;
    if (settings_.width > 0 && settings_.height > 0) {
        options.set("video_size", std::to_string(settings_.width) + "x" + std::to_string(settings_.height));
    }
    if (settings_.frames_per_second > 0) options.set("framerate", std::to_string(settings_.frames_per_second));
    open_format(input, options.entries);
}

void MediaInput::inspect_streams() {
    // FFmpeg decodes a little to learn what the header does not say: the bounds must hold there, too.
    std::vector<Options> options(format_->nb_streams);
    std::vector<AVDictionary *> entries;
    for (Options &each : options) {
        each.set("max_pixels", limits_.max_pixels);
        each.set("threads", int64_t(1));
        entries.push_back(each.entries);
    }
    const int code = avformat_find_stream_info(format_.get(), entries.empty() ? nullptr : entries.data());
    for (size_t i = 0; i < options.size(); ++i)
        options[i].entries = entries[i];
    if (code < 0) refuse("has unreadable streams", code);
    watch_.check(name_);
}

int MediaInput::choose_stream() const {
    int best = -1;
    int64_t best_rank = -1;
    for (unsigned i = 0; i < format_->nb_streams; ++i) {
        const AVStream &stream = *format_->streams[i];
        // A cover picture of a piece of music is a video stream to FFmpeg, and no video.
        constexpr int kPictures = AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS;
        if (stream.codecpar->codec_type != AVMEDIA_TYPE_VIDEO || (stream.disposition & kPictures)) continue;
        const int64_t area = int64_t(stream.codecpar->width) * stream.codecpar->height;
        const int64_t rank = area + (stream.disposition & AV_DISPOSITION_DEFAULT ? int64_t(1) << 62 : 0);
        if (rank > best_rank) {
            best_rank = rank;
            best = static_cast<int>(i);
        }
    }
    if (best >= 0) return best;
    throw Error(name_ + ": has no video stream among its " + std::to_string(format_->nb_streams) +
                " streams; at least one expected, and cover pictures do not count. Choose a file with moving pictures");
}

bool MediaInput::next(AVPacket &packet) {
    for (;;) {
        av_packet_unref(&packet);
        const int code = av_read_frame(format_.get(), &packet);
        watch_.check(name_);
        if (code >= 0 && packet.stream_index == stream_) return true;
        if (code >= 0) continue;
        if (code == AVERROR(EAGAIN)) { // a device whose next picture is not there yet
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
            continue;
        }
        if (code != AVERROR_EOF) broken_off_ = ffmpeg_reason(code);
        return false;
    }
}

bool MediaInput::seek(int64_t pts) {
    broken_off_.clear();
    return seekable_ && av_seek_frame(format_.get(), stream_, pts, AVSEEK_FLAG_BACKWARD) >= 0;
}

} // namespace afnet

#endif
