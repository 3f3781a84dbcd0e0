#include "runtime/video_stream.h"

#include <utility>

#include "runtime/error.h"
#include "runtime/media_switches.h"

#if AFNET_WITH_FFMPEG

#include <atomic>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <mutex>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "runtime/frame_convert.h"
#include "runtime/media_input.h"
#include "runtime/video_decoder.h"

namespace afnet {

namespace {

[[noreturn]] void refuse_source(const std::string &name, const std::string &why) {
    throw Error(name + ": " + why +
                "; standard input (-), a fifo, a camera such as /dev/video0 or a video file expected");
}

bool is_camera(const std::string &source) {
    struct stat status {};
    return source != "-" && ::stat(source.c_str(), &status) == 0 && S_ISCHR(status.st_mode);
}

// A fifo is opened without waiting for its writer: the wait happens where it can be ended.
int open_source(const std::string &source) {
    const bool standard = source == "-";
    const int descriptor =
        standard ? ::fcntl(0, F_DUPFD_CLOEXEC, 3) : ::open(source.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) refuse_source(standard ? "standard input" : source, std::strerror(errno));
    struct stat status {};
    if (::fstat(descriptor, &status) == 0 && !S_ISDIR(status.st_mode)) return descriptor;
    ::close(descriptor);
    refuse_source(source, "is a folder");
}

} // namespace

// The thread that reads, decodes and converts.
class VideoStream::Source {
public:
    Source(const std::string &source, const StreamOptions &options, FrameQueue &queue)
        : name_(source == "-" ? "standard input" : source), limits_(endless(options.limits)), queue_(queue),
          watch_(limits_), camera_(is_camera(source)), capture_(options.capture),
          descriptor_(camera_ ? -1 : open_source(source)), thread_([this] { run(); }) {}

    ~Source() {
        stop_ = true;
        queue_.stop();
        thread_.join();
    }

    std::vector<std::string> warnings() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        std::vector<std::string> all = warnings_;
        if (errors_ > 0) all.push_back("the stream is damaged: " + std::to_string(errors_) + " decoding errors so far");
        return all;
    }

private:
    MediaLimits endless(MediaLimits limits) {
        limits.seconds = 0;
        const auto cancelled = std::move(limits.cancelled);
        limits.cancelled = [this, cancelled] { return stop_ || (cancelled && cancelled()); };
        return limits;
    }

    void run() {
        try {
            decode();
            queue_.close(nullptr);
        } catch (...) {
            queue_.close(std::current_exception());
        }
    }

    std::unique_ptr<MediaInput> make_input() {
        if (camera_) return std::make_unique<MediaInput>(name_, capture_, limits_, watch_);
        return std::make_unique<MediaInput>(name_, descriptor_, limits_, watch_);
    }

    void decode() {
        const std::unique_ptr<MediaInput> input = make_input();
        input->open();
        std::vector<std::string> remarks;
        const AVStream &stream = input->stream();
        FrameConverter converter(name_, stream_orientation(stream, remarks));
        VideoDecoder decoder(stream, name_, limits_);
        int64_t number = 0;
        const auto take = [&](const AVFrame &picture) {
            const double seconds = picture.best_effort_timestamp == AV_NOPTS_VALUE
                                       ? std::numeric_limits<double>::quiet_NaN()
                                       : static_cast<double>(picture.best_effort_timestamp) * av_q2d(stream.time_base);
            if (!queue_.push({converter.convert(picture), number++, seconds})) throw Interrupted();
        };
        const auto report = [&] {
            const std::lock_guard<std::mutex> lock(mutex_);
            warnings_ = remarks;
            warnings_.insert(warnings_.end(), converter.warnings().begin(), converter.warnings().end());
            if (!input->broken_off().empty()) warnings_.push_back("the stream broke off: " + input->broken_off());
            errors_ = decoder.errors();
        };
        FfmpegPtr<AVPacket> packet(allocated(av_packet_alloc()));
        while (input->next(*packet)) {
            decoder.feed(*packet, true, take);
            report();
        }
        decoder.drain(take);
        report();
        if (number == 0) {
            throw Error(name_ + ": ended before a frame could be decoded; a stream with at least one frame expected. "
                                "Check what is written into it");
        }
    }

    const std::string name_;
    std::atomic<bool> stop_{false};
    const MediaLimits limits_;
    FrameQueue &queue_;
    const WorkWatch watch_;
    const bool camera_;
    const CaptureSettings capture_;
    const int descriptor_; // becomes the input's, in the thread
    mutable std::mutex mutex_;
    std::vector<std::string> warnings_;
    int64_t errors_ = 0;
    std::thread thread_; // last: starts when everything else is there
};

std::vector<std::string> VideoStream::warnings() const {
    return source_->warnings();
}

} // namespace afnet

#else // AFNET_WITH_FFMPEG

namespace afnet {

class VideoStream::Source {
public:
    Source(const std::string &source, const StreamOptions &, FrameQueue &) {
        throw Error(source +
                    ": this build has no FFmpeg and reads no streams; a folder of JPEG or PNG frames expected. "
                    "Build with -DAFNET_WITH_FFMPEG=ON");
    }
};

std::vector<std::string> VideoStream::warnings() const {
    return {};
}

} // namespace afnet

#endif

namespace afnet {

VideoStream::VideoStream(const std::string &source, const StreamOptions &options)
    : queue_(options.queue_frames, options.lossless), cancelled_(options.limits.cancelled),
      source_(std::make_unique<Source>(source, options, queue_)) {}

VideoStream::~VideoStream() = default;

std::optional<StreamWindow> VideoStream::next_window(int frames, int stride, int spacing) {
    if (frames < 1 || stride < 1 || spacing < 1) {
        throw Error("video stream: a window of " + std::to_string(frames) + " frames, " + std::to_string(spacing) +
                    " apart, every " + std::to_string(stride) + " frames asked for; numbers from 1 on expected");
    }
    const size_t span = size_t(spacing) * (size_t(frames) - 1) + 1;
    while (recent_.size() < span || to_skip_ > 0) {
        if (to_skip_ > 0 && !recent_.empty()) {
            recent_.pop_front();
            --to_skip_;
            continue;
        }
        std::optional<StreamFrame> frame = queue_.pop(cancelled_);
        if (!frame) return std::nullopt;
        recent_.push_back(std::move(*frame));
    }
    StreamWindow window;
    for (size_t i = 0; i < span; i += size_t(spacing)) {
        window.frames.push_back(recent_[i].picture);
        window.frame_numbers.push_back(recent_[i].number);
        window.seconds.push_back(recent_[i].seconds);
    }
    to_skip_ = stride;
    return window;
}

void VideoStream::stop() {
    queue_.stop();
}

int64_t VideoStream::received_frames() const {
    return queue_.received();
}

int64_t VideoStream::dropped_frames() const {
    return queue_.dropped();
}

} // namespace afnet
