#include "runtime/frame_queue.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "runtime/error.h"

namespace afnet {

FrameQueue::FrameQueue(size_t capacity, bool lossless)
    : capacity_(std::max<size_t>(capacity, 1)), lossless_(lossless) {}

bool FrameQueue::push(StreamFrame frame) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (lossless_) changed_.wait(lock, [&] { return stopped_ || frames_.size() < capacity_; });
    if (stopped_) return false;
    if (frames_.size() >= capacity_) {
        frames_.pop_front();
        ++dropped_;
    }
    frames_.push_back(std::move(frame));
    ++received_;
    changed_.notify_all();
    return true;
}

std::optional<StreamFrame> FrameQueue::pop(const std::function<bool()> &cancelled) {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto ready = [&] { return stopped_ || closed_ || !frames_.empty(); };
    // A signal handler cannot wake this thread: it has to look by itself now and then.
    while (!changed_.wait_for(lock, std::chrono::milliseconds(50), ready)) {
        if (cancelled && cancelled()) throw Interrupted();
    }
    if (stopped_) return std::nullopt;
    if (frames_.empty()) {
        if (failure_) std::rethrow_exception(failure_);
        return std::nullopt;
    }
    StreamFrame frame = std::move(frames_.front());
    frames_.pop_front();
    changed_.notify_all();
    return frame;
}

void FrameQueue::close(std::exception_ptr failure) {
    const std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
    failure_ = std::move(failure);
    changed_.notify_all();
}

void FrameQueue::stop() {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
}

int64_t FrameQueue::received() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return received_;
}

int64_t FrameQueue::dropped() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return dropped_;
}

} // namespace afnet
