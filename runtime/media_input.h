// Video packets from a file, a pipe or a capture device. Reads through a descriptor of its own, so that FFmpeg can open
// nothing else: a playlist or a reference inside the file leads nowhere, and a read that would block can be ended.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/capture_settings.h"
#include "runtime/ffmpeg_handles.h"
#include "runtime/media_limits.h"

namespace afnet {

class MediaInput {
public:
    /// `descriptor` is open for reading and becomes this object's. `name` stands for it in messages and its ending may
    /// hint at the format. `watch` must outlive this object. Call open() next.
    MediaInput(std::string name, int descriptor, const MediaLimits &limits, const WorkWatch &watch);

    /// A video capture device (v4l2), by the path of its device file. Call open() next.
    MediaInput(std::string device, const CaptureSettings &settings, const MediaLimits &limits, const WorkWatch &watch);

    MediaInput(const MediaInput &) = delete;
    MediaInput &operator=(const MediaInput &) = delete;
    ~MediaInput();

    /// Recognises the format, reads the header and chooses the video stream; from the start again when called again,
    /// which only works on descriptors that can seek. Throws Error when there is no video to read.
    void open();

    /// The next packet of the video stream into `packet`; false at the end, or when the rest cannot be read.
    bool next(AVPacket &packet);

    /// Moves to a key frame at or before `pts`, in the stream's time base; false when the format cannot.
    bool seek(int64_t pts);

    const AVStream &stream() const { return *format_->streams[stream_]; }
    const std::string &name() const { return name_; }
    const std::string &format_name() const { return format_name_; } // FFmpeg's, such as "mov,mp4,m4a,3gp,3g2,mj2"

    /// Why the last reading ended before the end of the data; empty when it did not.
    const std::string &broken_off() const { return broken_off_; }

private:
    static int read(void *self, uint8_t *buffer, int size);
    static int64_t seek_bytes(void *self, int64_t offset, int whence);
    static int should_stop(void *self);
    int read_when_ready(uint8_t *buffer, int size);
    const AVInputFormat *recognise();
    void open_format(const AVInputFormat *input, AVDictionary *&options);
    void open_bytes();
    void open_device();
    void inspect_streams();
    int choose_stream() const;
    [[noreturn]] void refuse(const std::string &what, int code) const;

    std::string name_;
    int descriptor_ = -1;
    bool seekable_ = false;
    bool device_ = false;
    CaptureSettings settings_;
    MediaLimits limits_;
    const WorkWatch &watch_;
    FfmpegPtr<AVIOContext> io_; // before format_, which reads through it until it is closed
    FfmpegPtr<AVFormatContext> format_;
    std::string format_name_;
    int stream_ = -1;
    std::string broken_off_;
};

} // namespace afnet
