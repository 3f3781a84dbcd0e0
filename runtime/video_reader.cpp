#include "runtime/video_reader.h"

#include "runtime/error.h"
#include "runtime/media_switches.h"

#if AFNET_WITH_FFMPEG

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <map>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/frame_convert.h"
#include "runtime/media_input.h"
#include "runtime/packet_reader.h"
#include "runtime/video_decoder.h"
#include "runtime/video_index.h"

extern "C" {
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
}

namespace afnet {

namespace {

// The file's descriptor. Anything but a regular file is refused before it is opened for long: a pipe would block.
int open_regular_file(const std::string &path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        throw Error(path + ": cannot open: " + std::strerror(errno) +
                    "; a readable video file expected. Check the path");
    }
    struct stat status {};
    const bool regular = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    if (regular && status.st_size > 0) return descriptor;
    ::close(descriptor);
    if (regular) throw Error(path + ": is empty, 0 bytes; a video file expected. Copy it again");
    throw Error(path + ": is not a regular file; a video file expected. Read pipes and devices as a stream");
}

PlanarFrame planes_of(const AVFrame &frame, const std::string &path) {
    PlanarFrame result;
    result.width = frame.width;
    result.height = frame.height;
    const auto format = static_cast<AVPixelFormat>(frame.format);
    const char *text = av_get_pix_fmt_name(format);
    result.pixel_format = text ? text : "unknown";
    const int bytes = av_image_get_buffer_size(format, frame.width, frame.height, 1);
    result.data.resize(static_cast<size_t>(std::max(bytes, 0)));
    if (av_image_copy_to_buffer(result.data.data(), bytes, frame.data, frame.linesize, format, frame.width,
                                frame.height, 1) < 0) {
        throw Error(path + ": its " + result.pixel_format + " pictures have no planes; pictures in memory expected");
    }
    return result;
}

std::string counted(int64_t n, const std::string &what) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

} // namespace

class VideoReader::State {
public:
    using Visit = std::function<void(int64_t index, const AVFrame &frame)>;

    State(const std::string &path, const VideoOptions &options)
        : path_(path), options_(options), watch_(options_.limits),
          input_(path, open_regular_file(path), options_.limits, watch_) {
        input_.open();
        decoder_for(input_.stream(), path_, options_.limits); // refuses what reading the packets would only delay
        converter_.emplace(path_, stream_orientation(input_.stream(), warnings_));
        index_ = index_by_packets(input_, options_.limits);
        if (!index_.by_time) count_by_decoding();
    }

    const std::string &path() const { return path_; }
    const VideoIndex &index() const { return index_; }
    FrameConverter &converter() { return *converter_; }

    // Hands each of the frames (ascending, without repetition) to `visit`. False when some do not decode; the index
    // then is a new one.
    bool visit(const std::vector<int64_t> &frames, const Visit &visit) {
        watch_ = WorkWatch(options_.limits);
        if (!index_.by_time) return visit_by_count(frames, visit);
        // Jumps in a file are exact only if its container is well made: where the result disagrees with the index, the
        // same without any.
        for (int64_t seek_over : {options_.seek_over_bytes, INT64_MAX}) {
            if (visit_by_time(frames, seek_over, visit)) return true;
        }
        count_by_decoding();
        return false;
    }

    std::vector<std::string> warnings() const {
        std::vector<std::string> all = warnings_;
        if (!index_.broken_off.empty()) all.push_back("the file seems to be cut short: " + index_.broken_off);
        const int64_t errors = std::max(index_.errors, errors_);
        if (errors > 0) all.push_back("the video is damaged: " + counted(errors, "decoding error"));
        all.insert(all.end(), converter_->warnings().begin(), converter_->warnings().end());
        return all;
    }

private:
    void count_by_decoding() {
        input_.open();
        index_ = index_by_decoding(input_, options_.limits);
        if (index_.frames() > 0) return;
        throw Error(path_ + ": has a video stream, but no frame of it can be decoded" +
                    (index_.errors > 0 ? " (" + counted(index_.errors, "decoding error") + ")" : "") +
                    "; at least one frame expected. Check that it plays");
    }

    bool visit_by_time(const std::vector<int64_t> &frames, int64_t seek_over, const Visit &visit) {
        std::map<int64_t, int64_t> wanted; // presentation time to frame number
        for (int64_t frame : frames)
            wanted[pts_of(frame)] = frame;
        VideoDecoder decoder(input_.stream(), path_, options_.limits);
        PacketReader packets(input_, index_, seek_over);
        const auto take = [&](const AVFrame &picture) {
            const auto found = wanted.find(picture.pts);
            if (found == wanted.end()) return;
            visit(found->second, picture);
            wanted.erase(found);
        };
        for (const PacketRange &range : packets_to_decode(index_, frames)) {
            if (!packets.go_to(range.begin)) return false;
            for (int64_t i = range.begin; i < range.end; ++i) {
                const AVPacket *packet = packets.next();
                if (!packet) return false;
                decoder.feed(*packet, wanted.count(packet->pts) > 0, take);
            }
            decoder.drain(take);
            decoder.restart();
        }
        errors_ = decoder.errors();
        return wanted.empty();
    }

    bool visit_by_count(const std::vector<int64_t> &frames, const Visit &visit) {
        input_.open();
        VideoDecoder decoder(input_.stream(), path_, options_.limits);
        int64_t number = 0;
        auto next = frames.begin();
        const auto take = [&](const AVFrame &picture) {
            if (next != frames.end() && number == *next) visit(*next++, picture);
            ++number;
        };
        FfmpegPtr<AVPacket> packet(allocated(av_packet_alloc()));
        while (next != frames.end() && input_.next(*packet))
            decoder.feed(*packet, true, take);
        decoder.drain(take);
        errors_ = decoder.errors();
        if (next == frames.end()) return true;
        throw Error(path_ + ": decoded " + counted(number, "frame") + " where " + counted(index_.frames(), "frame") +
                    " were counted before; an unchanging file expected. Try again when nothing writes to it");
    }

    int64_t pts_of(int64_t frame) const {
        const int64_t packet = index_.frame_packets[static_cast<size_t>(frame)];
        return index_.packets[static_cast<size_t>(packet)].pts;
    }

    std::string path_;
    VideoOptions options_;
    WorkWatch watch_;
    MediaInput input_;
    std::optional<FrameConverter> converter_;
    VideoIndex index_;
    int64_t errors_ = 0; // while decoding what was read last
    std::vector<std::string> warnings_;
};

namespace {

void check_index(const std::string &path, int64_t index, int64_t frames) {
    if (index >= 0 && index < frames) return;
    throw Error(path + ": frame " + std::to_string(index) + " asked for; 0 to " + std::to_string(frames - 1) +
                " expected");
}

// Reads each distinct frame once, and gives them in the order asked for.
template <typename State, typename Frame, typename Convert>
bool read_in_order(State &state, const std::vector<int64_t> &indices, std::vector<Frame> &frames,
                   const Convert &convert) {
    frames.clear();
    for (int64_t index : indices)
        check_index(state.path(), index, state.index().frames());
    std::vector<int64_t> distinct = indices;
    std::sort(distinct.begin(), distinct.end());
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    std::map<int64_t, Frame> decoded;
    if (!state.visit(distinct, [&](int64_t index, const AVFrame &picture) { decoded[index] = convert(picture); })) {
        return false;
    }
    for (int64_t index : indices)
        frames.push_back(decoded.at(index));
    return true;
}

} // namespace

VideoReader::VideoReader(const std::string &path, const VideoOptions &options)
    : state_(std::make_unique<State>(path, options)) {}

int64_t VideoReader::frame_count() const {
    return state_->index().frames();
}

double VideoReader::frame_seconds(int64_t index) const {
    check_index(state_->path(), index, frame_count());
    return state_->index().frame_seconds[static_cast<size_t>(index)];
}

bool VideoReader::read(const std::vector<int64_t> &indices, std::vector<RgbFrame> &frames) {
    return read_in_order(*state_, indices, frames,
                         [&](const AVFrame &picture) { return state_->converter().convert(picture); });
}

bool VideoReader::read_planes(const std::vector<int64_t> &indices, std::vector<PlanarFrame> &frames) {
    return read_in_order(*state_, indices, frames,
                         [&](const AVFrame &picture) { return planes_of(picture, state_->path()); });
}

std::vector<std::string> VideoReader::warnings() const {
    return state_->warnings();
}

VideoReader::~VideoReader() = default;
VideoReader::VideoReader(VideoReader &&) noexcept = default;
VideoReader &VideoReader::operator=(VideoReader &&) noexcept = default;

} // namespace afnet

#else // AFNET_WITH_FFMPEG

namespace afnet {

class VideoReader::State {};

VideoReader::VideoReader(const std::string &path, const VideoOptions &) {
    throw Error(path + ": this build has no FFmpeg and reads no video files; a folder of JPEG or PNG frames expected. "
                       "Build with -DAFNET_WITH_FFMPEG=ON");
}

int64_t VideoReader::frame_count() const {
    return 0;
}
double VideoReader::frame_seconds(int64_t) const {
    return 0;
}
bool VideoReader::read(const std::vector<int64_t> &, std::vector<RgbFrame> &) {
    return false;
}
bool VideoReader::read_planes(const std::vector<int64_t> &, std::vector<PlanarFrame> &) {
    return false;
}
std::vector<std::string> VideoReader::warnings() const {
    return {};
}
VideoReader::~VideoReader() = default;
VideoReader::VideoReader(VideoReader &&) noexcept = default;
VideoReader &VideoReader::operator=(VideoReader &&) noexcept = default;

} // namespace afnet

#endif
