// Video that arrives while it is classified: a pipe, a fifo, a camera.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/capture_settings.h"
#include "runtime/frame_queue.h"
#include "runtime/media_limits.h"
#include "runtime/rgb_frame.h"

namespace afnet {

struct StreamOptions {
    MediaLimits limits;       // `seconds` and `max_frames` do not apply; `cancelled` also ends next_window()
    size_t queue_frames = 16; // decoded frames that wait for the consumer at most: half a second of most videos
    bool lossless = false;    // when the queue is full, make the source wait rather than drop the stalest frame
    CaptureSettings capture;  // for cameras only
};

/// Frames that follow each other, as a clip.
struct StreamWindow {
    std::vector<RgbFrame> frames;
    std::vector<int64_t> frame_numbers; // 0-based, counted from the start of the stream; dropped ones leave gaps
    std::vector<double> seconds;        // presentation times; NaN where the source does not say
};

/// Decodes in a thread of its own from construction on. next_window() belongs to one thread; the others may be called
/// from any.
class VideoStream {
public:
    /// `source`: "-" for standard input, a fifo, a camera's device file such as /dev/video0 (v4l2), or a regular file.
    /// Pipes need a container that can be read from front to back: MPEG-TS, Matroska, fragmented MP4. Throws Error
    /// when there is no such source; what turns out later is thrown by next_window(). In builds without FFmpeg always
    /// throws Error.
    explicit VideoStream(const std::string &source, const StreamOptions &options = {});

    /// Ends the decoding, within a tenth of a second even while the source is silent.
    ~VideoStream();

    /// Waits for the next window: `frames` frames of the stream, `spacing` apart (1: adjacent), beginning `stride`
    /// frames after the beginning of the window before. Frames that were dropped are not counted. Nothing when the
    /// stream has ended and fewer are left. Throws what went wrong in the source, and Error when a number is below 1.
    std::optional<StreamWindow> next_window(int frames, int stride, int spacing = 1);

    /// Makes a waiting next_window() and all later ones return nothing.
    void stop();

    int64_t received_frames() const; // decoded so far
    int64_t dropped_frames() const;  // of these, dropped because the consumer was slow

    /// What the user should know about the stream so far: damage, colours, rotation.
    std::vector<std::string> warnings() const;

private:
    class Source;
    FrameQueue queue_;
    std::function<bool()> cancelled_;
    std::deque<StreamFrame> recent_; // frames of the next window that have arrived
    int64_t to_skip_ = 0;            // frames still to pass over before the next window
    std::unique_ptr<Source> source_; // ends first: its thread fills the queue
};

} // namespace afnet
