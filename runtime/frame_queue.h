// Decoded frames on their way from the thread that decodes to the one that classifies.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>

#include "runtime/rgb_frame.h"

namespace afnet {

struct StreamFrame {
    RgbFrame picture;
    int64_t number = 0; // 0-based, counted before any was dropped
    double seconds = 0; // presentation time; NaN where the source does not say
};

/// Holds at most `capacity` frames. When it is full, push() waits if the queue is lossless, and drops the stalest frame
/// if it is not. All functions may be called from any thread.
class FrameQueue {
public:
    FrameQueue(size_t capacity, bool lossless);

    /// False when nobody will take frames any more: after stop().
    bool push(StreamFrame frame);

    /// Waits for a frame; nothing when the source has ended. Throws what ended the source, after the frames before it,
    /// and Interrupted when `cancelled` (may be empty) becomes true while waiting.
    std::optional<StreamFrame> pop(const std::function<bool()> &cancelled);

    /// No more frames will come; `failure` says why, if it was not the end of the source.
    void close(std::exception_ptr failure);

    /// Ends all waiting, now and in future: push() gives false, pop() nothing.
    void stop();

    int64_t received() const; // frames pushed so far
    int64_t dropped() const;  // of these, frames that nobody got

private:
    const size_t capacity_;
    const bool lossless_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<StreamFrame> frames_;
    std::exception_ptr failure_;
    bool closed_ = false;
    bool stopped_ = false;
    int64_t received_ = 0;
    int64_t dropped_ = 0;
};

} // namespace afnet
