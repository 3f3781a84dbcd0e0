// How much work an untrusted picture or video may cause, and a watch that ends it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace afnet {

/// Bounds on one file, one folder or one stream.
struct MediaLimits {
    int64_t max_pixels = 36'000'000; // of one frame; a little more than 8K video has
    int64_t max_frames = 4'000'000;  // of one file; a day and a half at 30 a second. Streams have no such bound
    double seconds = 600;            // of work on one file; at most 0: without end
    std::function<bool()> cancelled; // asked often, from the working thread; true ends the work with Interrupted
};

/// Runs from its construction. Cheap enough to be asked once per packet.
class WorkWatch {
public:
    explicit WorkWatch(const MediaLimits &limits);

    /// Whether the time is over or the work was cancelled.
    bool over() const;

    /// Throws Interrupted when the work was cancelled, and Error naming `path` when its time is over.
    void check(const std::string &path) const;

private:
    using Clock = std::chrono::steady_clock;
    bool late() const;

    double seconds_;
    Clock::time_point end_;
    std::function<bool()> cancelled_;
};

/// Throws Error naming `path` when a frame of `width` x `height` is empty or has more than `limits.max_pixels`.
void check_frame_size(const std::string &path, int64_t width, int64_t height, const MediaLimits &limits);

} // namespace afnet
